"""One address that asks for far more than a reader does is held back, and the others do not feel it."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import pytest
from docker.models.containers import Container

from faults.injection import addresses_of
from faults.ledger import Ledger
from faults.load import Load
from faults.others import LOADS, compare_p99
from guarded import laid_out
from probes import eventually
from stack import REPOSITORY, Stack

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
}


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


@contextmanager
def greedy(stack: Stack, *arguments: str) -> Iterator[Container]:
    """Have a greedy client for as long as the context lasts, with another address than others'."""
    [proxy] = stack.containers("traefik")
    network = f"{stack.project}_public"
    address = proxy.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
    command = ["python", "-m", "faults.crowd", "--url=https://localhost:8443", f"--origin={stack.url}"]
    # Its own loopback address refuses, and the next one that the name has is the proxy's.
    client = docker.from_env().containers.run(
        "longitude/tests:dev",
        [*command, f"--ca={stack.ca}", "--loads=0", "--starts=1000", *arguments],
        detach=True,
        init=True,
        network=network,
        extra_hosts={"localhost": address},
        environment={"PYTHONPATH": str(REPOSITORY / "tests")},
        volumes={str(REPOSITORY): {"bind": str(REPOSITORY), "mode": "ro"}},
        cpu_shares=SHARE,
    )
    try:
        yield client
    finally:
        client.remove(force=True)


# A p99 needs many page loads before, meanwhile and after, which the short form has no time for.
@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_address_that_asks_for_too_much_costs_others_little(load: Load, ledger: Ledger, kind: str) -> None:
    with load.watch() as before:
        before.await_loads(LOADS)
    with laid_out(load.stack, **LIMITS), load.watch() as window, greedy(load.stack, *KINDS[kind]) as client:
        replicas = load.stack.containers("bokeh")
        eventually(lambda: max(map(addresses_of, replicas)) > 1, 30, "it has another address than the others")
        window.await_loads(LOADS)
        counts = eventually(lambda: count(client), 30, "the client was answered")
    with load.watch() as after:
        after.await_loads(LOADS)
    with ledger.account(f"one address: {kind}") as account:
        told = ", ".join(f"{number} {what}" for what, number in counts.most_common())
        assert counts["sessions"] >= 40, told
        account.add(
            "it is given sessions, or told that it asks too often", told, set(counts) <= {"sessions", "429"}
        )
        compare_p99(account, before, window, after)
