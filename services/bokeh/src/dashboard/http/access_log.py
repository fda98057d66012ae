"""Middleware that logs every answer and counts the requests under way."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.http.headers import FULL_STATUS, STARTS
from dashboard.operations.in_flight import InFlight

log = logging.getLogger(__name__)

PATH_CHARACTERS = 200


class AccessLog:
    """Logs each answer, and counts requests that are under way; a websocket is logged when it is accepted."""

    def __init__(self, app: ASGIApp, in_flight: InFlight) -> None:
        self._app = app
        self._in_flight = in_flight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 500

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] in STARTS:
                status = message.get("status", 101)
                if scope["type"] == "websocket":
                    _log(scope, status, begin)
            await send(message)

        if scope["type"] == "websocket":
            await self._app(scope, receive, send_noting_status)
            return
        with self._in_flight.request():
            try:
                await self._app(scope, receive, send_noting_status)
            finally:
                _log(scope, status, begin)


def _log(scope: Scope, status: int, begin: float) -> None:
    fields = {
        "status": status,
        "method": scope.get("method", "GET"),
        "path": scope["path"][:PATH_CHARACTERS],
        "ms": round(1000 * (time.perf_counter() - begin), 1),
    }
    # A replica that is full or ends says so to the proxy, which asks another one: no fault.
    level = logging.ERROR if status >= 500 and status not in (503, FULL_STATUS) else logging.INFO
    log.log(level, "%(status)d %(method)s %(path)s %(ms).1f ms", fields, extra={"fields": fields})
