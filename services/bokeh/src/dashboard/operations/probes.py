"""Health and metrics, answered on a thread and port of their own, while the loop of the pages is busy too."""

import json
import socket
import threading
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard.operations.container_health import ContainerHealth
from dashboard.operations.health import Health

STOP_SECONDS = 1
"""Time that delayed answers are waited for at the end."""

HEADERS = {"Cache-Control": "no-store"}


class ProbeServer:
    """Answers ``/live`` and ``/ready`` with 200 or 503 and a reason, and ``/metrics``, from its own thread.

    ``/ready?hold=yes`` is the engine's check (`ContainerHealth`).
    """

    def __init__(
        self,
        health: Health,
        port: int,
        count_sessions: Callable[[], int],
        write_metrics: Callable[[], bytes],
    ) -> None:
        self._count_sessions = count_sessions
        self._health = health
        self._container = ContainerHealth(health)
        self._write_metrics = write_metrics
        routes = [
            Route("/live", self._answer_live),
            Route("/ready", self._answer_ready),
            Route("/metrics", self._answer_metrics),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = uvicorn.Server(config)
        # Bound here, so that probes wait for their answer from now on.
        listener = socket.create_server(("", port))
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="probes", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and wait for the thread."""
        self._container.is_over = True
        self._server.should_exit = True
        self._thread.join()

    async def _answer_live(self, _request: Request) -> Response:
        return self._write("live", *self._health.check_live())

    async def _answer_ready(self, request: Request) -> Response:
        if request.query_params.get("hold"):
            return self._write("ready", *await self._container.check(request.is_disconnected))
        return self._write("ready", *self._health.check_ready())

    async def _answer_metrics(self, _request: Request) -> Response:
        return Response(self._write_metrics(), media_type="text/plain; version=0.0.4", headers=HEADERS)

    def _write(self, name: str, good: bool, why: str) -> Response:
        text = json.dumps({name: good, "reason": why, "sessions": self._count_sessions()}) + "\n"
        return Response(text, 200 if good else 503, HEADERS, "application/json")
