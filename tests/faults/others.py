"""What those clients feel of a fault who do nothing unusual."""

from faults.ledger import Account
from faults.load import Window, say_failures

LOADS = 200
"""Page loads of others in each window, for a p99."""

LOAD_SECONDS = 1.0
CHANGE_SECONDS = 0.5


def account_for_others(account: Account, window: Window) -> None:
    """Note that nobody else gets an error, or waits for long."""
    for what, words, most in (
        ("load", "page loads", LOAD_SECONDS),
        ("answer", "changes of a widget", CHANGE_SECONDS),
    ):
        felt = window.quantile(what, 0.99)
        account.add(f"others' p99 under {most:g} s: {words}", f"{felt:.3f} s", felt < most)
    account.add(
        "nobody else gets an error",
        f"{say_failures(window)} page loads failed, {len(window.lost)} websockets closed, "
        f"{len(window.wrong)} wrong of {len(window.of('answer'))} answers",
        not (window.failed or window.lost or window.wrong) and bool(window.of("answer")),
    )


def compare_p99(account: Account, before: Window, meanwhile: Window, after: Window, note: str = "") -> None:
    """Account for the others' p99 against its base, the smaller one of before and after."""
    for what, words in (("load", "page loads"), ("answer", "changes of a widget")):
        first, felt, last = (each.quantile(what, 0.99) for each in (before, meanwhile, after))
        account.add(
            f"others' p99 at most twice its base: {words}",
            f"{felt:.3f} s; {first:.3f} s before and {last:.3f} s after{note}",
            felt <= 2 * min(first, last),
        )
    account.add(
        "nobody else is turned away",
        f"{say_failures(meanwhile)} page loads failed, {len(meanwhile.lost)} websockets closed",
        not (meanwhile.failed or meanwhile.lost or meanwhile.wrong),
    )
