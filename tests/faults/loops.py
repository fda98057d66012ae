"""How long the replicas' event loops are stalled while something else happens."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults.injection import PYTHON
from stack import Stack

PROBE = (Path(__file__).parent / "loop_probe.py").read_text()


@dataclass(frozen=True)
class Loop:
    """What one replica's event loop was like: seconds of pings to it.

    Attributes
    ----------
    slowest
        The longest that a ping took.
    busiest
        The longest that the loop's thread was at work within one ping: what stalled the loop itself.
    over
        How many pings took more than 50 ms.
    """

    pings: int
    p99: float
    slowest: float
    busiest: float
    over: int


@dataclass
class Loops:
    """What the loops of all replicas were like, there once the watching is over."""

    each: list[Loop] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"longest stretch of work {1000 * self.busiest:.0f} ms; pings of the loops: p99 "
            f"{1000 * max(loop.p99 for loop in self.each):.0f} ms, slowest "
            f"{1000 * max(loop.slowest for loop in self.each):.0f} ms, "
            f"{sum(loop.over for loop in self.each)} of {sum(loop.pings for loop in self.each)} over 50 ms"
        )

    @property
    def busiest(self) -> float:
        """The longest that any loop was stalled by what its thread did."""
        return max(loop.busiest for loop in self.each)


@contextmanager
def watch_loops(stack: Stack) -> Iterator[Loops]:
    """Ping the event loop of every replica for as long as the context lasts."""
    seen = Loops()
    probes = [
        subprocess.Popen(
            ["docker", "exec", "-i", str(container.id), *PYTHON, "-c", PROBE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for container in stack.containers("bokeh")
    ]
    for probe in probes:
        assert probe.stdout is not None
        assert probe.stdout.readline() == "begun\n", "a probe could not be started"
    try:
        yield seen
    finally:
        results = [probe.communicate(timeout=30)[0] for probe in probes]
    seen.each += [Loop(**json.loads(result)) for result in results]
