"""Whether this process is alive, and whether it should get visitors; answered on its own thread and port.

So are the metrics, if there are any.

The event loop is busy at times, and a probe answered by it would then call a working process dead. So the
loop only leaves a mark now and then, and another thread answers from how old the mark is.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

BEAT_SECONDS = 0.02
"""A stall may be longer by that than a beat is late."""

STALLED_SECONDS = 1.0
"""Silence after which visitors go elsewhere. The proxy asks every half second and waits a second for the
answer (compose.yaml), so it is around a hung loop and around a stopped process within 1.5 s and the time
of a mark. A loop that is merely busy turns well within it; one that does not is left out until it turns
again, and loses none of its open pages by that."""

ASK_SECONDS = 0.5
BUSY_SECONDS = 5.0
"""Without a free worker thread, after which visitors go elsewhere: pages are made on those threads."""


HOLD_SECONDS = 8.0
"""For how long a probe that may be held is, while there is nothing new to tell; less than the engine waits
(Dockerfile)."""

HOLD_LOOK_SECONDS = 0.1

TELL_TIMES = {True: 1, False: 2}
"""How often the engine is told that visitors may be sent here, or may not, before it knows (Dockerfile)."""


@dataclass
class Health:
    """What is known of the process. Each field is written whole and read by another thread.

    Attributes
    ----------
    last_beat
        When the event loop last turned, on the monotonic clock; None before it first did.
    thread_free
        When a worker thread last had time, on the monotonic clock; None before one first did.
    draining
        Whether the process has been told to stop.
    build_fault
        Why the last document could not be built; None when it could.
    sessions
        How many sessions there are.
    told, told_times
        Whether the last probe that may be held was told that visitors may be sent here, and how many in a row
        were told the same.
    """

    last_beat: float | None = None
    thread_free: float | None = None
    draining: bool = False
    build_fault: str | None = "no document has been built yet"
    sessions: int = 0
    told: bool | None = None
    told_times: int = 0

    def beat(self) -> None:
        """Leave a mark: the event loop turns."""
        self.last_beat = time.monotonic()

    def note_free_thread(self) -> None:
        """Leave a mark: a worker thread runs this."""
        self.thread_free = time.monotonic()

    def check_live(self) -> tuple[bool, str]:
        """Say whether the event loop turns, and if not, why one thinks so."""
        if self.last_beat is None:
            return False, "the event loop has not started"
        silence = time.monotonic() - self.last_beat
        if silence > STALLED_SECONDS:
            return False, f"the event loop has been silent for {silence:.1f} s"
        return True, "the event loop turns"

    def check_ready(self) -> tuple[bool, str]:
        """Say whether visitors may be sent here, and if not, why."""
        live, why = self.check_live()
        if not live:
            return False, why
        if self.draining:
            return False, "draining: this process has been told to stop"
        busy = time.monotonic() - self.thread_free if self.thread_free is not None else 0.0
        if busy > BUSY_SECONDS:
            return False, f"no worker thread has been free for {busy:.1f} s"
        if self.build_fault is not None:
            return False, f"no page can be built: {self.build_fault}"
        return True, "pages can be built"


async def hold_until_news(health: Health) -> None:
    """Have a probe wait until it is to be told something that the engine does not know yet, and not for long.

    The engine starts a process for each look, so it is to look seldom; held, it knows of the end of readiness
    at once, and the proxy is told by it which replicas there are.
    """
    until = time.monotonic() + HOLD_SECONDS
    while _is_known(health, health.check_ready()[0]) and time.monotonic() < until:
        await asyncio.sleep(HOLD_LOOK_SECONDS)
    ready = health.check_ready()[0]
    health.told_times = health.told_times + 1 if ready is health.told else 1
    health.told = ready


def _is_known(health: Health, ready: bool) -> bool:
    return ready is health.told and health.told_times >= TELL_TIMES[ready]


class _Probe(RequestHandler):
    def initialize(self, health: Health) -> None:
        self._health = health

    async def get(self, name: str) -> None:
        if name == "ready" and self.get_query_argument("hold", ""):
            await hold_until_news(self._health)
        good, why = self._health.check_live() if name == "live" else self._health.check_ready()
        self.set_status(200 if good else 503)
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.write(json.dumps({name: good, "reason": why, "sessions": self._health.sessions}) + "\n")

    head = get


class _Figures(RequestHandler):
    def initialize(self, write: Callable[[], bytes]) -> None:
        self._write = write

    def get(self) -> None:
        self.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(self._write())


class HealthServer:
    """Answers /live and /ready with 200 or 503 and a reason, from a thread with an event loop of its own.

    Where `write_metrics` is given, what it writes is the answer to /metrics.
    """

    def __init__(self, health: Health, port: int, write_metrics: Callable[[], bytes] | None = None) -> None:
        handlers: list[tuple[str, type[RequestHandler], dict[str, Any]]] = [
            (r"/(live|ready)", _Probe, {"health": health})
        ]
        if write_metrics is not None:
            handlers.append((r"/metrics", _Figures, {"write": write_metrics}))
        self._application = Application(handlers, log_function=_log_nothing)
        self._sockets = bind_sockets(port)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and wait for the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = HTTPServer(self._application)
        self._loop.call_soon(server.add_sockets, self._sockets)
        self._loop.run_forever()
        server.stop()
        self._loop.run_until_complete(server.close_all_connections())
        self._loop.close()


async def keep_beating(health: Health, note_lag: Callable[[float], None]) -> None:
    """Leave marks for as long as the event loop turns, and tell how many seconds late each one was."""
    loop = asyncio.get_running_loop()
    while True:
        health.beat()
        due = loop.time() + BEAT_SECONDS
        await asyncio.sleep(BEAT_SECONDS)
        note_lag(max(0.0, loop.time() - due))


async def keep_asking_threads(health: Health) -> None:
    """Leave marks for as long as the loop's worker threads take work."""
    while True:
        await asyncio.to_thread(health.note_free_thread)
        await asyncio.sleep(ASK_SECONDS)


def _log_nothing(_handler: Any) -> None:
    """Keep probes, one a second, out of the access log."""
