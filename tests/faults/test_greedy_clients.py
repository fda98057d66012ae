"""One address that asks for far more than a reader does is held back, and the others do not feel it."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from docker.models.containers import Container

from faults.injection import addresses_of
from faults.ledger import Ledger
from faults.load import Load
from faults.others import LOADS, compare_p99
from guarded import elsewhere, laid_out
from probes import eventually
from stack import Stack

LIMITS = {"RATE_AVERAGE": "100", "RATE_BURST": "500", "OPEN_MAX": "1000"}
"""What compose.yaml has where nothing else is asked for."""

NEVER_SECONDS = 1e6
KINDS = {
    "200 tabs opened at once": ("--sessions=200", f"--every={NEVER_SECONDS:g}"),
    "20 clients that come and leave in a loop": ("--sessions=20", "--every=1", "--stay=0.001"),
    "40 websockets that ask for changes without waiting for answers": (
        "--sessions=40",
        "--every=1",
        "--push",
    ),
    "40 websockets that ask for changes and never read": (
        "--sessions=40",
        "--every=1",
        "--push",
        "--deaf",
    ),
}

STUDIES = ("smoking-spending", "cigarette-sales")
READERS = 20

ENOUGH = 40
"""Sessions, that a client must have been given for the fault to have happened."""

CALM_LOADS = 50
CALM_SECONDS = 0.25
"""A quantile of the base load is some 0.1 s, and seconds where replicas are behind."""

SHARE = 256
"""Of processor time, as Docker counts it: a client has a machine of its own, and here not the service's."""


def count(client: Container) -> Counter[str]:
    """Count what a greedy client was given: sessions that were live, and refusals by status."""
    client.reload()
    printed = client.logs(stderr=False).decode().splitlines()
    assert client.status == "running", printed[-5:]
    counts: Counter[str] = Counter()
    for line in map(json.loads, printed):
        error = line.get("error")
        if line["what"] == "live":
            counts["sessions"] += 1
        elif line["what"] in {"load", "try"} and error is not None:
            counts["429" if "429" in error else error] += 1
    return counts


def count_enough(client: Container) -> Counter[str] | None:
    """Count what a greedy client was given, once that is many sessions."""
    counts = count(client)
    return counts if counts["sessions"] >= ENOUGH else None


@contextmanager
def greedy(stack: Stack, *arguments: str) -> Iterator[Container]:
    """Have a greedy client with another address than others', which asks for nothing until it is `let_loose`.

    Its container is started and removed outside the window: the engine takes half a processor for that, and
    this is what others would feel and not what the address asks for.
    """
    asks = (f"--origin={stack.url}", "--loads=0", "--starts=1000", "--held", *arguments)
    with elsewhere(stack, "faults.crowd", *asks, cpu_shares=SHARE) as client:
        eventually(lambda: b'"held"' in client.logs(stderr=False), 60, "the client has started")
        yield client


def let_loose(client: Container) -> None:
    """Let a greedy client begin."""
    client.kill(signal="SIGUSR1")


def open_analyst_tabs(load: Load) -> None:
    """Have every replica make what it makes once for all readers of a version, and wait until it is over."""
    stack = load.stack
    replicas = {str(replica.short_id) for replica in stack.containers("bokeh")}
    for study in STUDIES:
        query = f"study={study}&tab=analyst&multiples=1"
        with Load(stack, READERS, 0, query=query, name=f"analysts-{study}") as analysts:
            assert {line["replica"] for line in analysts.lines if line["what"] == "live"} == replicas
            with analysts.watch() as opened:
                # A change waits for what its page is having made.
                eventually(lambda: len(opened.of("answer")) >= 2 * READERS, 60, "the tabs are open")
    # A base that still feels it would be compared with, and hide what comes next.
    eventually(lambda: is_calm(load), 120, "the others are answered as before")


def is_calm(load: Load) -> bool:
    """Say whether hardly anybody waits for an answer; watches for some seconds."""
    with load.watch() as window:
        window.await_loads(CALM_LOADS)
    return max(window.quantile(what, 0.99) for what in ("load", "answer")) < CALM_SECONDS


# A p99 needs many page loads before, meanwhile and after, which the short form has no time for.
@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_address_that_asks_for_too_much_costs_others_little(load: Load, ledger: Ledger, kind: str) -> None:
    open_analyst_tabs(load)
    with load.watch() as before:
        before.await_loads(LOADS)
    with laid_out(load.stack, **LIMITS), greedy(load.stack, *KINDS[kind]) as client, load.watch() as window:
        let_loose(client)
        replicas = load.stack.containers("bokeh")
        eventually(lambda: max(map(addresses_of, replicas)) > 1, 30, "it has another address than the others")
        window.await_loads(LOADS)
        counts = eventually(lambda: count_enough(client), 60, "the client was answered")
    with load.watch() as after:
        after.await_loads(LOADS)
    with ledger.account(f"one address: {kind}") as account:
        told = ", ".join(f"{number} {what}" for what, number in counts.most_common())
        account.add(
            "it is given sessions, or told that it asks too often", told, set(counts) <= {"sessions", "429"}
        )
        compare_p99(account, before, window, after)
