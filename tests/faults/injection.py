"""Making faults happen to containers, and making sure that they did."""

from collections.abc import Iterator
from contextlib import contextmanager

import docker
from docker.models.containers import Container

from probes import eventually

RESTART_SECONDS = 30
TOOLS = "longitude/tests:dev"
"""The image with the tools that act on another container's network."""


def crash(container: Container) -> None:
    """Kill a container's processes with SIGKILL, as a fault would.

    `docker kill` would be taken for an operator's wish, and the engine would not start it again. So a
    shell inside kills all processes it may, which are all but the first, the container's init; that ends
    with what it started, and the engine restarts the container.
    """
    before = started_at(container)
    container.exec_run(["sh", "-c", "kill -KILL -1"], detach=True)
    eventually(lambda: started_at(container) != before, RESTART_SECONDS, f"{container.name} died and is back")


def started_at(container: Container) -> str:
    """Tell when a container was started last."""
    container.reload()
    return str(container.attrs["State"]["StartedAt"])


def is_healthy(container: Container) -> bool:
    """Whether the engine's own check of a container passes."""
    container.reload()
    return bool(container.attrs["State"].get("Health", {}).get("Status") == "healthy")


def await_healthy(container: Container, seconds: float = 60) -> None:
    """Wait until the engine's own check of a container passes."""
    eventually(lambda: is_healthy(container), seconds, f"{container.name} healthy")


@contextmanager
def stopped(container: Container) -> Iterator[None]:
    """Stop a container's processes with SIGSTOP for as long as the context lasts."""
    signal(container, "STOP")
    assert process_states(container) == {"T"}, f"{container.name} was not stopped"
    try:
        yield
    finally:
        signal(container, "CONT")


def signal(container: Container, name: str) -> None:
    """Send a signal to all processes of a container but its init."""
    # The shell itself is left out of what -1 means; where it is not, it is stopped, not waited for.
    container.exec_run(["sh", "-c", f"kill -{name} -1"], detach=True)


def process_states(container: Container) -> set[str]:
    """Give the states, as in /proc, of the processes that a container's init has started."""
    done = container.exec_run(
        [
            "sh",
            "-c",
            'for s in /proc/[0-9]*/stat; do read -r p c s q r < "$s"; [ "$q" != 1 ] || echo "$s"; done',
        ]
    )
    output: bytes = done.output  # type: ignore[assignment]
    return set(output.decode().split())


def in_network_of(container: Container, *command: str) -> str:
    """Run a command in a container's network, with the right to change it, and give what it prints."""
    output: bytes = docker.from_env().containers.run(
        TOOLS,
        list(command),
        network_mode=f"container:{container.id}",
        cap_add=["NET_ADMIN"],
        remove=True,
        stderr=True,
    )
    return output.decode()
