"""One websocket of a page, from its acceptance to its end."""

import logging
import time
from typing import Any

from bokeh.protocol.message import Message
from bokeh.protocol.receiver import Receiver
from bokeh.server.connection import ServerConnection
from bokeh.server.protocol_handler import ProtocolHandler
from bokeh.server.session import ServerSession
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.live.change_rate import ChangeRate
from dashboard.live.messages import PROTOCOL, Verdict, judge
from dashboard.live.notifier import Notifier
from dashboard.live.transport import Transport
from dashboard.logs import logging_about
from dashboard.operations.metrics import CHANGE_SECONDS

log = logging.getLogger(__name__)

PARTS_MAX_BYTES = 4 * 1_048_576
"""A message with all of its buffers; the largest is a document that a browser echoes."""

SETTLED_SECONDS = 5.0
"""Time after which a page may be moved even if it has not asked for its document."""

LEFT = (1000, 1001, 1005)
"""Close codes of a client that has left the page or loads it again; 1005 is a close frame without a code."""

REFUSED = 1008
INTERNAL_ERROR = 1011


class MessageRefused(Exception):
    """The client has sent something that no page sends; the message says what."""


class PageSocket:
    """The websocket of a page, which was accepted already."""

    def __init__(self, websocket: WebSocket, notifier: Notifier) -> None:
        self._websocket = websocket
        self._notifier = notifier
        self.transport = Transport(websocket)
        self._handler = ProtocolHandler()
        self._rate = ChangeRate()
        self._opened_at = time.monotonic()
        self._has_document = False
        self._close_code: int | None = None

    @property
    def is_settled(self) -> bool:
        """Return whether the page has its document, or has had long enough to ask for it."""
        return self._has_document or time.monotonic() - self._opened_at > SETTLED_SECONDS

    async def close(self, code: int, reason: str) -> None:
        """Close the websocket."""
        await self.transport.close(code, reason)

    async def serve(self, session: ServerSession, connection: ServerConnection) -> None:
        """Acknowledge the session, then answer messages until the websocket ends."""
        await self.transport.send_message(PROTOCOL.create("ACK"))
        receiver, size = Receiver(PROTOCOL), 0
        try:
            while (fragment := await self._receive()) is not None:
                size += len(fragment)
                if size > PARTS_MAX_BYTES:
                    raise MessageRefused("a message in too many parts")
                message = await _consume(receiver, fragment)
                if message is not None:
                    size = 0
                    await self._answer(session, connection, message)
        except MessageRefused as refused:
            log.info("websocket closed: %s", refused)
            await self.close(REFUSED, "not a message of this service")
        if self._close_code in LEFT:
            # It would hold its version in memory although nobody comes back to it.
            session.request_expiration()

    async def _receive(self) -> str | bytes | None:
        """Return the next fragment; None once the websocket has ended."""
        try:
            event = await self._websocket.receive()
        except (WebSocketDisconnect, RuntimeError):
            return None
        if event["type"] == "websocket.disconnect":
            self._close_code = event.get("code")
            return None
        text: str | None = event.get("text")
        return text if text is not None else bytes(event.get("bytes") or b"")

    async def _answer(
        self, session: ServerSession, connection: ServerConnection, message: Message[Any]
    ) -> None:
        verdict = judge(message)
        if verdict is Verdict.REFUSE:
            raise MessageRefused(f"a message of type {message.msgtype:.40} that pages do not send")
        await self._rate.take()
        if verdict is Verdict.IGNORE:
            await self.transport.send_message(connection.ok(message))
            return
        with logging_about(session.id, **self._notifier.describe(session.id)):
            if message.msgtype == "PATCH-DOC":
                with CHANGE_SECONDS.time():
                    reply = await self._handler.handle(message, connection)
            else:
                reply = await self._handler.handle(message, connection)
        if reply is not None and reply.msgtype == "ERROR":
            # Bokeh's own reply holds the stack, with paths of this service.
            reply = connection.error(message, "the change could not be made")
        if reply is not None:
            await self.transport.send_message(reply)
        if message.msgtype == "PULL-DOC-REQ":
            self._has_document = True


async def _consume(receiver: Receiver, fragment: str | bytes) -> Message[Any] | None:
    try:
        return await receiver.consume(fragment)
    except Exception as error:
        # The parser raises whatever a malformed message makes it raise.
        raise MessageRefused(f"not Bokeh's protocol ({type(error).__name__})") from error
