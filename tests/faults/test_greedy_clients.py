"""One client asks for far more than a reader does, and the others on their own addresses do not feel it."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from faults.ledger import Ledger
from faults.load import Load, Window
from faults.others import LOADS, account_for_others
from guarded import DEFAULT_LIMITS, laid_out
from probes import eventually
from stack import Stack

NEVER_SECONDS = 1e6
KINDS = {
    "opens 200 tabs": {"sessions": 200, "every": NEVER_SECONDS},
    "loads pages in a loop": {"sessions": 20, "every": 1.0, "stay": 0.001},
    "asks for changes on 40 websockets without waiting for answers": {
        "sessions": 40,
        "every": 1.0,
        "more": ("--push",),
    },
    "asks for changes on 40 websockets and never reads": {
        "sessions": 40,
        "every": 1.0,
        "more": ("--push", "--deaf"),
    },
}

CROWDS = 4
"""Addresses of the others, who are that many processes."""

OTHERS_START = "--starts=2"
"""Sessions a second that begin at each address: no more than an address may load on and on."""

STARTS_A_SECOND = 1000
ENOUGH = 40
"""Sessions that a client must have been given for the fault to have happened."""


def count(client: Load) -> Counter[str]:
    """Count what a greedy client was given: sessions that were live, and refusals by status."""
    counts: Counter[str] = Counter()
    for line in client.lines:
        error = line.get("error")
        if line["what"] == "live":
            counts["sessions"] += 1
        elif line["what"] in {"load", "try"} and error is not None:
            counts["429" if "429" in error else error] += 1
    return counts


@contextmanager
def greedy(stack: Stack, **asks: object) -> Iterator[Load]:
    """Start a greedy client that asks for nothing before SIGUSR1.

    Its container is started and removed outside the window: the engine takes half a processor for that, and
    this is what others would feel and not what the client asks for.
    """
    more = ("--held", f"--starts={STARTS_A_SECOND}", *asks.pop("more", ()))  # type: ignore[misc]
    client = Load(stack, loads=0, name="greedy", away=True, more=more, **asks)  # type: ignore[arg-type]
    client.launch()
    try:
        eventually(lambda: any(line["what"] == "held" for line in client.lines), 60, "the client has started")
        yield client
    finally:
        client.stop()


def gather(windows: list[Window]) -> Window:
    """Return one window of what several crowds have seen meanwhile."""
    load = Load(windows[0].load.stack, 0, sum(window.load.loads for window in windows), name="others")
    load.lines += sorted(
        (line for window in windows for line in window.load.lines), key=lambda line: line["at"]
    )
    return Window(load, windows[0].since, windows[0].until)


# A p99 needs many page loads, which the short form has no time for.
@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_client_that_asks_for_too_much_costs_others_little(base: Load, ledger: Ledger, kind: str) -> None:
    stack, sessions, rate = base.stack, base.sessions // CROWDS, base.loads / CROWDS
    base.stop()
    with laid_out(stack, **DEFAULT_LIMITS), greedy(stack, **KINDS[kind]) as client, ExitStack() as held:
        others = [
            Load(stack, sessions, rate, name=f"others-{n}", away=True, more=(OTHERS_START,))
            for n in range(CROWDS)
        ]
        for other in others:
            held.enter_context(other)
        windows = [held.enter_context(other.watch()) for other in others]
        client.signal(signal.SIGUSR1)
        for window in windows:
            window.await_loads(LOADS // CROWDS)
        counts = eventually(lambda: counts if (counts := count(client))["sessions"] >= ENOUGH else None, 60)
        held.pop_all().close()
    with ledger.account(f"one client {kind}") as account:
        told = ", ".join(f"{number} {what}" for what, number in counts.most_common())
        account.add(
            "it is given sessions, or told that it asks too often", told, set(counts) <= {"sessions", "429"}
        )
        account_for_others(account, gather(windows))
