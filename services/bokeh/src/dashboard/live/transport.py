"""The sending side of one websocket, as Bokeh's connections use it."""

import asyncio
import json
import logging
from typing import Any

from bokeh.protocol.message import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

log = logging.getLogger(__name__)

TAKE_SECONDS = 30.0
"""Time that a client has to take a message; one that takes nothing for longer is disconnected."""


class Transport:
    """Sends messages one after the other, each once the client has taken the one before it.

    Bokeh holds a session's lock while it sends, so at most one change waits for a slow client.
    """

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._lock = asyncio.Lock()
        self._closed = False
        self._deadline: asyncio.Timeout | None = None

    async def send_message(self, message: Message[Any]) -> None:
        """Send a message; one for a client that has gone is dropped."""
        if self._closed:
            return
        try:
            async with self._lock, asyncio.timeout(TAKE_SECONDS) as self._deadline:
                await self._send(message)
        except TimeoutError:
            log.info("websocket closed: its client takes nothing")
            await self.close(1008, "nothing is taken")
        except (WebSocketDisconnect, OSError, RuntimeError):
            # Starlette raises RuntimeError where the websocket was closed on this side meanwhile.
            self._closed = True
        finally:
            self._deadline = None

    async def close(self, code: int, reason: str) -> None:
        """Close the websocket, and give up what is being sent."""
        self._closed = True
        if self._deadline is not None:
            # Bokeh shields its sends from cancellation, so only a deadline ends one.
            self._deadline.reschedule(asyncio.get_running_loop().time())
        try:
            await self._websocket.close(code, reason)
        except (WebSocketDisconnect, OSError, RuntimeError):
            log.debug("the client of a websocket had gone before it was closed")

    def ping(self, data: bytes) -> None:
        """Do nothing: uvicorn sends the pings."""

    async def _send(self, message: Message[Any]) -> None:
        for text in (message.header_json, message.metadata_json, message.content_json):
            await self._websocket.send_text(text)
        for buffer in message.buffers:
            await self._websocket.send_text(json.dumps(buffer.ref))
            await self._websocket.send_bytes(buffer.to_bytes())
