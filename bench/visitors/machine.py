"""Speed of the machine while something is measured, which its other tenants change."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

EVERY_SECONDS = 0.5
STEPS = 20_000
"""Of a piece of work that is always the same: about a millisecond."""

TICKS = 100
"""A second, in which the kernel counts; proc(5)."""


@dataclass
class Pace:
    """Times of a fixed piece of work, and the processor time that the host gave to others meanwhile.

    Attributes
    ----------
    times
        Milliseconds of processor time, waiting not counted.
    stolen
        Seconds of all processors.
    """

    times: list[float] = field(default_factory=list)
    stolen: float = 0.0

    @property
    def work_ms(self) -> float:
        """Return the median time of the piece of work."""
        return statistics.median(self.times)

    def __str__(self) -> str:
        return (
            f"a fixed piece of work {self.work_ms:.2f} ms, {max(self.times):.2f} at most; "
            f"{self.stolen:.2f} s stolen"
        )


def time_work() -> float:
    """Return the processor time in ms that this thread takes for the piece of work."""
    start = time.thread_time()
    total = 0
    for step in range(STEPS):
        total += step * step
    return 1000 * (time.thread_time() - start)


def read_stolen() -> float:
    """Return the seconds of all processors since the start that the host gave to others; 8th of proc(5)'s."""
    return int(Path("/proc/stat").read_text().split(maxsplit=9)[8]) / TICKS


@contextmanager
def timing_work() -> Iterator[Pace]:
    """Time the piece of work for as long as the context lasts; what it gives is whole at its end."""
    pace = Pace()
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(EVERY_SECONDS):
            pace.times.append(time_work())

    thread = threading.Thread(target=go_on, daemon=True)
    stolen = read_stolen()
    thread.start()
    try:
        yield pace
    finally:
        ended.set()
        thread.join()
        pace.stolen = read_stolen() - stolen
