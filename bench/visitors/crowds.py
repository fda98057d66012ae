"""Many readers at a time at one site, and what they and its replicas saw."""

import json
import os
import re
import statistics
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from probes import eventually

TESTS = Path(__file__).resolve().parents[2] / "tests"
Line = dict[str, Any]
KINDS = ("answer", "load", "wrong", "lost", "tick")


@dataclass
class Crowd:
    """Sessions that each change a widget every so many seconds, and new visitors beside them."""

    url: str
    ca: Path
    sessions: int
    every: float
    arrivals: float
    query: str
    origin: str = ""
    stay: float = 0.0
    lines: list[Line] = field(default_factory=list, repr=False)

    def since(self, moment: float, *kinds: str) -> list[Line]:
        """Give what has happened of some kinds since a moment on the monotonic clock."""
        return [line for line in list(self.lines) if line["what"] in kinds and line["at"] >= moment]

    @property
    def live(self) -> int:
        """How many sessions are live now."""
        return next((int(line["live"]) for line in reversed(self.lines) if line["what"] == "tick"), 0)

    @property
    def has_come(self) -> bool:
        """Whether every session has been live."""
        return len({line["session"] for line in self.since(0, "live")}) == self.sessions


@contextmanager
def crowding(*crowds: Crowd) -> Iterator[None]:
    """Let crowds come, wait until all their sessions are live, and send them away at the end."""
    processes = [_start(crowd) for crowd in crowds]
    try:
        for crowd in crowds:
            eventually(lambda crowd=crowd: crowd.has_come, 60 + crowd.sessions, "all live")  # type: ignore[misc]
        yield
    finally:
        for process, _ in processes:
            process.terminate()
        for process, reader in processes:
            process.wait(30)
            reader.join()


def _start(crowd: Crowd) -> tuple[subprocess.Popen[str], threading.Thread]:
    command = [sys.executable, "-m", "faults.crowd", "--url", crowd.url, "--ca", str(crowd.ca)]
    command += ["--sessions", str(crowd.sessions), "--every", str(crowd.every)]
    command += ["--loads", str(crowd.arrivals), "--query", crowd.query, "--origin", crowd.origin]
    command += ["--stay", str(crowd.stay)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
    )

    def read() -> None:
        assert process.stdout is not None
        crowd.lines.extend(json.loads(text) for text in process.stdout)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    return process, reader


@dataclass(frozen=True)
class Seen:
    """What readers saw in a while.

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


def sum_up(lines: Iterable[Line]) -> Seen:
    """Tell what crowds have seen."""
    lines = list(lines)
    times = [1000 * line["seconds"] for line in lines if line["what"] == "answer"]
    loads = [line for line in lines if line["what"] == "load"]
    failed = [line for line in loads if line["error"] is not None]
    return Seen(
        changes=len(times),
        p50=statistics.median(times),
        p95=statistics.quantiles(times, n=20)[-1],
        slowest=max(times),
        errors=len(failed) + sum(line["what"] in {"wrong", "lost"} for line in lines),
        late=1000 * max(line["late"] for line in lines if line["what"] == "tick"),
    )


def read_lags(addresses: list[str]) -> Counter[float]:
    """Give how many beats of all replicas' event loops were late by at most so many seconds and no less."""
    lags: Counter[float] = Counter()
    for address in addresses:
        text = requests.get(f"http://{address}:5007/metrics", timeout=20).text
        before = 0.0
        for bound, count in re.findall(r'longitude_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', text):
            lags[float(bound)] += float(count) - before  # type: ignore[assignment]
            before = float(count)
    return lags


def longest_lag(before: Counter[float], after: Counter[float]) -> float:
    """Give the bound, in milliseconds, that no beat between two readings was later than."""
    return 1000 * max((bound for bound, count in after.items() if count > before[bound]), default=0.0)
