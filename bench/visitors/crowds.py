"""Many readers at a time at one site, and what they and its replicas saw."""

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from faults.load import Line, Load, Window


@contextmanager
def crowding(*crowds: Load) -> Iterator[None]:
    """Launch crowds, wait until all their sessions are live, and stop them at the end."""
    try:
        for crowd in crowds:
            crowd.launch()
        for crowd in crowds:
            crowd.await_all_came()
        yield
    finally:
        for crowd in crowds:
            crowd.stop()


@dataclass(frozen=True)
class Seen:
    """Observations of readers in a window of time.

    Attributes
    ----------
    p50, p95, slowest
        Milliseconds from a change to its answer.
    errors
        Loads that failed, answers that were wrong, websockets that were lost.
    late
        Milliseconds that the crowd's own process was late at most: what it timed may be that much off.
    """

    changes: int
    p50: float
    p95: float
    slowest: float
    errors: int
    late: float


def sum_up(windows: Iterable[Window]) -> Seen:
    """Sum up what crowds have seen."""
    windows = list(windows)

    def list_lines(what: str) -> list[Line]:
        return [line for window in windows for line in window.of(what)]

    times = [1000 * line["seconds"] for line in list_lines("answer")]
    failed = [line for line in list_lines("load") if line["error"] is not None]
    return Seen(
        changes=len(times),
        p50=statistics.median(times),
        p95=statistics.quantiles(times, n=20)[-1],
        slowest=max(times),
        errors=len(failed) + len(list_lines("wrong")) + len(list_lines("lost")),
        late=1000 * max(line["late"] for line in list_lines("tick")),
    )


def read_metrics(address: str) -> str:
    """Read the metrics of a replica."""
    return requests.get(f"http://{address}:5007/metrics", timeout=20).text


def read_figure(address: str, name: str) -> float:
    """Read one figure from the metrics of a replica."""
    found = re.search(rf"^{name} (\S+)$", text := read_metrics(address), re.MULTILINE)
    assert found, f"{name} is not among the metrics of {address}: {text[:2000]}"
    return float(found[1])


def read_waits(addresses: list[str], metric: str) -> Counter[float]:
    """Count what a histogram of all replicas has between each bound, in seconds, and the one below."""
    waits: Counter[float] = Counter()
    for address in addresses:
        before = 0.0
        for bound, count in re.findall(rf'{metric}_bucket\{{le="([^"]+)"\}} (\S+)', read_metrics(address)):
            waits[float(bound)] += float(count) - before  # type: ignore[assignment]
            before = float(count)
    return waits


def longest_wait(before: Counter[float], after: Counter[float]) -> float:
    """Return the bound, in milliseconds, that nothing between two readings was above."""
    return 1000 * max((bound for bound, count in after.items() if count > before[bound]), default=0.0)
