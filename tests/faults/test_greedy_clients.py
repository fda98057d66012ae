"""One address that asks for far more than a reader does is held back, and the others do not feel it."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import pytest
from docker.models.containers import Container

from faults.ledger import Ledger
from faults.load import Line, Load, say_failures
from guarded import laid_out
from probes import eventually
from stack import REPOSITORY, Stack

LIMITS = {"RATE_AVERAGE": "100", "RATE_BURST": "500", "OPEN_MAX": "1000"}
"""What compose.yaml has where nothing else is asked for."""

LOADS = 200
"""Page loads of others in each window."""

NEVER_SECONDS = 1e6
KINDS = {
    "200 tabs opened at once": ("--sessions=200", f"--every={NEVER_SECONDS:g}"),
    "20 clients that come and leave in a loop": ("--sessions=20", "--every=1", "--stay=0.001"),
    "40 websockets that ask for changes without waiting for answers": (
        "--sessions=40",
        "--every=1",
        "--push",
    ),
}


class Greedy:
    """A crowd in a container, and so with an address that is not that of the others."""

    def __init__(self, stack: Stack, container: Container) -> None:
        self.stack = stack
        self.container = container

    def lines(self, *kinds: str) -> list[Line]:
        """Give all that has happened to it of some kinds."""
        self.container.reload()
        printed = self.container.logs(stderr=False).decode().splitlines()
        assert self.container.status == "running", printed[-5:]
        return [line for line in map(json.loads, printed) if line["what"] in kinds]

    def count(self) -> Counter[str]:
        """Count what it was given: sessions that were live, and refusals by status."""
        counts: Counter[str] = Counter()
        for line in self.lines("live", "load", "try"):
            error = line.get("error")
            if line["what"] == "live":
                counts["sessions"] += 1
            elif error is not None:
                counts["429" if "429" in error else error] += 1
        return counts


@contextmanager
def greedy(stack: Stack, *arguments: str) -> Iterator[Greedy]:
    """Have a greedy client for as long as the context lasts."""
    [proxy] = stack.containers("traefik")
    network = f"{stack.project}_public"
    address = proxy.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
    command = ["python", "-m", "faults.crowd", "--url=https://localhost:8443", f"--origin={stack.url}"]
    # Its own loopback address refuses, and the next one that the name has is the proxy's.
    container = docker.from_env().containers.run(
        "longitude/tests:dev",
        [*command, f"--ca={stack.ca}", "--loads=0", "--starts=1000", *arguments],
        detach=True,
        init=True,
        network=network,
        extra_hosts={"localhost": address},
        environment={"PYTHONPATH": str(REPOSITORY / "tests")},
        volumes={str(REPOSITORY): {"bind": str(REPOSITORY), "mode": "ro"}},
        cpu_shares=int(os.environ.get("TESTS_SHARE") or 1024),
    )
    try:
        yield Greedy(stack, container)
    finally:
        container.remove(force=True)


# A p99 needs many page loads before, meanwhile and after, which the short form has no time for.
@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_address_that_asks_for_too_much_costs_others_little(load: Load, ledger: Ledger, kind: str) -> None:
    with load.watch() as before:
        before.await_loads(LOADS)
    with laid_out(load.stack, **LIMITS), load.watch() as window, greedy(load.stack, *KINDS[kind]) as client:
        window.await_loads(LOADS)
        counts = eventually(client.count, 30, "the client was answered")
    with load.watch() as after:
        after.await_loads(LOADS)
    with ledger.account(f"one address: {kind}") as account:
        told = ", ".join(f"{number} {what}" for what, number in counts.most_common())
        assert counts["sessions"] >= 40, told
        account.add(
            "it is given sessions, or told that it asks too often", told, set(counts) <= {"sessions", "429"}
        )
        for what, words in (("load", "page loads"), ("answer", "answers to a widget")):
            first, meanwhile, last = (each.quantile(what, 0.99) for each in (before, window, after))
            account.add(
                f"others' p99 at most twice its base: {words}",
                f"{meanwhile:.3f} s; {first:.3f} s before and {last:.3f} s after",
                meanwhile <= 2 * max(first, last),
            )
        account.add(
            "nobody else is turned away",
            f"{say_failures(window)} page loads failed, {len(window.lost)} websockets closed",
            not (window.failed or window.lost or window.wrong),
        )
