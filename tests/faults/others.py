"""What those clients feel of it who do nothing unusual."""

from faults.ledger import Account
from faults.load import Window, say_failures

LOADS = 200
"""Page loads of others in each window, for a p99."""


def compare_p99(account: Account, before: Window, meanwhile: Window, after: Window, note: str = "") -> None:
    """Account for the others' p99 against its base, and for whoever was turned away meanwhile."""
    for what, words in (("load", "page loads"), ("answer", "answers to a widget")):
        first, felt, last = (each.quantile(what, 0.99) for each in (before, meanwhile, after))
        account.add(
            f"others' p99 at most twice its base: {words}",
            f"{felt:.3f} s; {first:.3f} s before and {last:.3f} s after{note}",
            felt <= 2 * max(first, last),
        )
    account.add(
        "nobody else is turned away",
        f"{say_failures(meanwhile)} page loads failed, {len(meanwhile.lost)} websockets closed",
        not (meanwhile.failed or meanwhile.lost or meanwhile.wrong),
    )
