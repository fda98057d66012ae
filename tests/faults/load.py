"""The base load of the faults: a crowd in a process of its own, and what it saw while a fault lasted."""

import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from faults.visitor import QUERY
from probes import eventually
from stack import REPOSITORY, Stack

TESTS = Path(__file__).resolve().parents[1]
IMAGE = "longitude/tests:dev"
PROXY_PORT = 8443
AWAY_SHARE = 256
"""Of processor time, as Docker counts it: clients have machines of their own, and here the service's."""

Line = dict[str, Any]


@dataclass
class Load:
    """So many sessions that change a widget every so many seconds, and so many new page loads a second.

    Attributes
    ----------
    age
        Seconds that sessions pretend to have been open.
    stay
        Seconds that readers stay, in the mean; without an end where it is 0.
    url, origin
        Where its pages are, and which site they say they are of, where that is not the stack's proxy.
    away
        Whether it has an address of its own, in a container.
    more
        Further arguments of the crowd's program.
    """

    stack: Stack
    sessions: int
    loads: float
    every: float = 2.0
    query: str = QUERY
    age: float = 0.0
    name: str = "load"
    stay: float = 0.0
    url: str = ""
    origin: str = ""
    away: bool = False
    more: tuple[str, ...] = ()
    lines: list[Line] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.began = time.monotonic()

    def __str__(self) -> str:
        return (
            f"{self.sessions} live sessions that each change a widget every {self.every:g} s, "
            f"and {self.loads:g} new page loads a second"
        )

    def launch(self) -> Self:
        """Start the crowd, and wait for nobody."""
        errors = (self.stack.directory / f"{self.name}.err").open("w")
        self._process = subprocess.Popen(
            self._write_command(),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | {"PYTHONPATH": str(TESTS)},
        )
        self._reader = threading.Thread(target=self._read, name=self.name, daemon=True)
        self._reader.start()
        return self

    def _write_command(self) -> list[str]:
        program = ["-m", "faults.crowd", f"--ca={self.stack.ca}", f"--sessions={self.sessions}"]
        program += [f"--every={self.every}", f"--loads={self.loads}", f"--query={self.query}"]
        program += [f"--stay={self.stay}", *self.more]
        if self.age:
            program += [f"--age={self.age}", f"--secret={self._save_secret()}"]
        if not self.away:
            return [
                sys.executable,
                *program,
                f"--url={self.url or self.stack.url}",
                f"--origin={self.origin}",
            ]
        [proxy] = self.stack.containers("traefik")
        network = f"{self.stack.project}_public"
        # Its own loopback address refuses, and the next one that the name has is the proxy's.
        address = proxy.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
        run = ["docker", "run", "--rm", "--init", f"--network={network}", f"--cpu-shares={AWAY_SHARE}"]
        run += [f"--add-host=localhost:{address}", f"--volume={REPOSITORY}:{REPOSITORY}:ro"]
        run += [f"--env=PYTHONPATH={TESTS}", IMAGE, "python", *program]
        return [*run, f"--url=https://localhost:{PROXY_PORT}", f"--origin={self.stack.url}"]

    def signal(self, number: signal.Signals) -> None:
        """Send the crowd a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def start(self) -> Self:
        """Start the crowd and wait until every session is live."""
        self.launch()
        self.await_all_came()
        self.began = time.monotonic()
        return self

    def await_all_came(self) -> None:
        """Wait until every session has been live."""
        wanted = range(self.sessions)
        eventually(lambda: self.places().keys() >= {*wanted}, 30 + self.sessions, f"all {self.sessions} live")

    @property
    def runs(self) -> bool:
        """Whether the crowd has been started and not been stopped."""
        return self._process is not None

    def seconds_open(self, moment: float | None = None) -> float:
        """Give how long the last session had been open at a moment on the monotonic clock, or is now."""
        return (time.monotonic() if moment is None else moment) - self.began

    def places(self) -> dict[int, str]:
        """Give the replica that each session was live on last."""
        return {line["session"]: line["replica"] for line in self.lines if line["what"] == "live"}

    def stop(self) -> None:
        """End the crowd; what it saw stays."""
        if self._process is not None and self._reader is not None:
            self._process.terminate()
            self._process.wait(30)
            self._reader.join()
            self._process = None
            log = self.stack.directory / f"{self.name}.jsonl"
            log.write_text("".join(json.dumps(line) + "\n" for line in self.lines))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def await_all_live(self, seconds: float) -> None:
        """Wait until every session is live."""
        eventually(lambda: self.tick["live"] == self.sessions, seconds, f"all {self.sessions} sessions live")

    @property
    def tick(self) -> Line:
        """How things stood last."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"the crowd ended with {self._process.returncode}: see {self.name}.err")
        return next((line for line in reversed(self.lines) if line["what"] == "tick"), {"at": 0, "live": -1})

    @contextmanager
    def watch(self) -> Iterator["Window"]:
        """Watch for as long as the context lasts; afterwards until every load that began in it has ended."""
        window = Window(self)
        try:
            yield window
        finally:
            window.until = time.monotonic()
        eventually(lambda: self._has_ended(window.until), 30, "every page load of the window has ended")

    def _has_ended(self, moment: float) -> bool:
        tick = self.tick
        return bool(tick["at"] > moment and (tick["oldest"] is None or tick["oldest"] > moment))

    def _save_secret(self) -> Path:
        path = self.stack.directory / "session-secret"
        path.touch(0o600)
        path.write_text(
            self.stack.compose("exec", "-T", "bokeh", "cat", "/run/longitude/session-secret").stdout
        )
        return path

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for text in self._process.stdout:
            self.lines.append(json.loads(text))


@dataclass
class Window:
    """What a crowd saw between two moments, on the monotonic clock."""

    load: Load
    since: float = field(default_factory=time.monotonic)
    until: float = float("inf")

    def of(self, what: str) -> list[Line]:
        """Give the lines of a kind."""
        return [line for line in self.load.lines if line["what"] == what and self._has(line)]

    def _has(self, line: Line) -> bool:
        """A page load belongs to when it began."""
        moment: float = line["at"] if line["what"] != "load" else line["began"]
        return self.since <= moment <= self.until

    def await_loads(self, count: int) -> None:
        """Wait until so many page loads have begun and ended in the window."""
        eventually(lambda: len(self.loads) >= count, 10 + count / self.load.loads, f"{count} page loads")

    @property
    def loads(self) -> list[Line]:
        """Page loads that began in the window."""
        return self.of("load")

    @property
    def failed(self) -> list[Line]:
        """Page loads that did not give a dashboard, each with its error."""
        return [line for line in self.loads if line["error"] is not None]

    @property
    def slowest(self) -> float:
        """Seconds of the slowest page load."""
        return max(float(line["seconds"]) for line in self.loads)

    @property
    def wrong(self) -> list[Line]:
        """Sessions that did not come back as they were, or were answered wrongly."""
        return self.of("wrong")

    @property
    def lost(self) -> list[Line]:
        """Websockets that were closed."""
        return self.of("lost")

    def returns(self) -> list[tuple[Line, Line | None]]:
        """Give each loss of a websocket, and how its session was live again; None if it never was.

        Only what has happened by now: await the sessions first.
        """
        return [(loss, self._find_return(loss)) for loss in self.lost]

    def _find_return(self, loss: Line) -> Line | None:
        for line in self.load.lines:
            if line["what"] == "live" and line["session"] == loss["session"] and line["at"] >= loss["at"]:
                return line
        return None

    def outages(self) -> dict[int, list[float]]:
        """Give the seconds from each loss of each session until it was live again, inf if it never was.

        Only what has happened by now: await the sessions first.
        """
        outages: dict[int, list[float]] = {}
        for loss, back in self.returns():
            seconds = back["at"] - loss["at"] if back is not None else float("inf")
            outages.setdefault(loss["session"], []).append(seconds)
        return outages

    def longest_outage(self) -> float:
        """Give the longest of all outages in seconds; 0 without any."""
        return max((seconds for each in self.outages().values() for seconds in each), default=0.0)

    def quantile(self, what: str, share: float) -> float:
        """Give the seconds that a share of loads or answers stay below."""
        seconds = sorted(float(line["seconds"]) for line in self.of(what) if not line.get("error"))
        if share == 1 and seconds:
            return seconds[-1]
        if len(seconds) < 2:
            return seconds[0] if seconds else float("nan")
        return statistics.quantiles(seconds, n=1000, method="inclusive")[round(share * 1000) - 1]


def say_failures(window: Window) -> str:
    """Say how many page loads failed, of how many, and of what."""
    failed = window.failed
    why = sorted({line["error"] for line in failed})
    return f"{len(failed)} of {len(window.loads)}" + (f" ({'; '.join(why)[:300]})" if why else "")
