"""Health and metrics, answered on a thread and port of their own.

The event loop of the pages is busy at times, and a probe answered by it would call a working process dead.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from dashboard.engine_look import EngineLook
from dashboard.health import Health
from dashboard.turns import is_waited_for

STOP_SECONDS = 1.0
"""For how long looks that are held are waited for at the end; they end as their connections do."""


class _Probe(RequestHandler):
    def initialize(self, health: Health, look: EngineLook) -> None:
        self._health = health
        self._look = look

    async def get(self, name: str) -> None:
        if name == "live":
            good, why = self._health.check_live()
        elif self.get_query_argument("hold", ""):
            good, why = await self._look.take(lambda: is_waited_for(self.request))
        else:
            good, why = self._health.check_ready()
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

    /ready?hold=yes is the engine's look, which may wait for its answer (`EngineLook`). What `write_metrics`
    writes is the answer to /metrics, where it is given.
    """

    def __init__(self, health: Health, port: int, write_metrics: Callable[[], bytes] | None = None) -> None:
        handlers: list[tuple[str, type[RequestHandler], dict[str, Any]]] = [
            (r"/(live|ready)", _Probe, {"health": health, "look": EngineLook(health)})
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
        if held := asyncio.all_tasks(self._loop):
            self._loop.run_until_complete(asyncio.wait(held, timeout=STOP_SECONDS))
        self._loop.close()


def _log_nothing(_handler: Any) -> None:
    """Keep probes, one a second, out of the access log."""
