"""Making faults happen to containers, and making sure that they did."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from docker.models.containers import Container

from probes import eventually
from stack import Stack

RESTART_SECONDS = 30

PYTHON = ("python", "-I")
"""How Python is started beside a replica's own: without blocking_page.py (compose.yaml), which imports the
whole dashboard, for seconds, on the replica's processor time."""


def crash(container: Container) -> float:
    """Kill a container's processes with SIGKILL, as a fault would; give when, on the monotonic clock.

    `docker kill` would be taken for an operator's wish, and the engine would not start it again. So a
    shell inside kills all processes it may, which are all but the first, the container's init; that ends
    with what it started, and the engine restarts the container.
    """
    before = started_at(container)
    moment = time.monotonic()
    signal(container, "KILL")
    eventually(lambda: started_at(container) != before, RESTART_SECONDS, f"{container.name} died and is back")
    return moment


def started_at(container: Container) -> str:
    """Tell when a container was started last."""
    container.reload()
    return str(container.attrs["State"]["StartedAt"])


def is_healthy(container: Container) -> bool:
    """Whether the engine's own check of a container passes."""
    container.reload()
    return bool(container.attrs["State"].get("Health", {}).get("Status") == "healthy")


def await_healthy(container: Container, seconds: float = 60) -> float:
    """Wait until the engine's own check of a container passes.

    Returns
    -------
    float
        When it last was seen not to, on the monotonic clock: until then nobody was sent there.
    """
    looks: list[float] = []

    def look() -> bool:
        looks.append(time.monotonic())
        return is_healthy(container)

    eventually(look, seconds, f"{container.name} healthy")
    return looks[-2] if len(looks) > 1 else float("-inf")


@contextmanager
def stopped(container: Container) -> Iterator[float]:
    """Stop a container's processes with SIGSTOP for as long as the context lasts; give when it was done."""
    signal(container, "STOP")
    eventually(lambda: process_states(container) == {"T"}, 2, f"{container.name} was stopped")
    try:
        yield time.monotonic()
    finally:
        signal(container, "CONT")


def signal(container: Container, name: str) -> None:
    """Send a signal to all processes of a container but its init and the shell that sends it."""
    run_inside(container, f"kill -{name} -1")


def process_states(container: Container) -> set[str]:
    """Give the states, as in /proc, of the processes that a container's init has started."""
    script = 'for f in /proc/[0-9]*/stat; do read -r _ _ state parent _ < "$f"; '
    script += '[ "$parent" != 1 ] || echo "$state"; done 2>/dev/null; true'
    return set(run_inside(container, script).split())


def run_inside(container: Container, script: str, *, user: str = "") -> str:
    """Run a shell script in a container, as its own user, and give what it prints."""
    output: bytes = container.exec_run(["sh", "-c", script], user=user).output  # type: ignore[assignment]
    return output.decode()


def standing_of(stack: Stack) -> dict[str, tuple[str, str, int]]:
    """Tell of every replica how it is, since when it runs, and how often it was started again."""
    standing = {}
    for container in stack.containers("bokeh"):
        state = container.attrs["State"]
        health = state["Health"]["Status"]
        standing[str(container.id)] = (health, state["StartedAt"], container.attrs["RestartCount"])
    return standing


def websockets_of(container: Container) -> int:
    """Return how many websockets a replica has open."""
    told = ask_inside(container, "/metrics")
    [line] = [line for line in told.splitlines() if line.startswith("longitude_websockets_open ")]
    return int(float(line.split()[1]))


def memory_of(container: Container) -> float:
    """Return what a container has in memory, in MiB, without files that the kernel could let go."""
    memory = container.stats(stream=False, one_shot=True)["memory_stats"]
    detail = memory["stats"]
    files = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return float(memory["usage"] - files) / 2**20


def sessions_of(container: Container) -> int:
    """Give how many sessions a replica says it has."""
    return int(json.loads(ask_inside(container, "/live"))["sessions"])


def address_of(replica: Container) -> str:
    """Return the address of a replica in the network of proxy and replicas."""
    networks = replica.attrs["NetworkSettings"]["Networks"]
    [address] = [one["IPAddress"] for name, one in networks.items() if name.endswith("_pages")]
    return str(address)


def ask_inside(container: Container, path: str) -> str:
    """Return what a replica answers on its internal port, asked from here: that starts no process in it."""
    container.reload()
    # One that is called stalled answers with an error, and with its words all the same.
    return requests.get(f"http://{address_of(container)}:5007{path}", timeout=5).text
