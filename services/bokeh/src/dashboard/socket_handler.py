"""A page's websocket, as this service carries it in place of Bokeh's own handler."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any, cast, override

from bokeh.protocol.message import Message
from bokeh.server.session import ServerSession
from bokeh.server.views.ws import WSHandler
from bokeh.util.token import check_token_signature, get_session_id, get_token_payload
from tornado.iostream import IOStream
from tornado.websocket import WebSocketClosedError, WebSocketProtocol

from dashboard.addresses import Address, Place
from dashboard.admission import FULL_STATUS, SEND_MAX_BYTES, TAKE_SECONDS, staying
from dashboard.allowance import charging
from dashboard.departure import has_left
from dashboard.drain import LATE_MAX_SECONDS, REASON, SERVICE_RESTART, move_late
from dashboard.frames import INTERNAL_ERROR, REFUSED, StrictProtocol
from dashboard.haste import Haste
from dashboard.logs import speaking_of
from dashboard.messages import Verdict, asks_for_change, judge
from dashboard.metrics import CHANGE_SECONDS, RECONNECTS_RESTORED
from dashboard.process import running
from dashboard.secured import SecuredHandler, is_own_origin
from dashboard.traffic import traffic
from dashboard.turns import VisitorLeft, take_turn

log = logging.getLogger(__name__)

PARTS_MAX_BYTES = 4 * 1_048_576
"""Of a message with the buffers that come after it; the largest is a document that a browser echoes."""


class SocketHandler(SecuredHandler, WSHandler):
    """Carries the websocket: refuses bad tokens before the upgrade, sends small messages without delay."""

    _partial_bytes: int = 0
    _is_arriving: bool = False
    _is_first: bool = False
    _has_document: bool = False
    _is_late: bool = False
    _place: Place | None = None
    _address: Address
    _haste: Haste

    @override
    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        protocol = super().get_websocket_protocol()
        return StrictProtocol(self, False, protocol.params) if protocol is not None else None  # type: ignore[attr-defined]

    @override
    async def get(self, *args: Any, **kwargs: Any) -> None:
        if not is_own_origin(self.request, running().settings.websocket_origins):
            self._refuse(403, "not opened by a page of this site")
            return
        fault = self._find_fault()
        if fault is not None:
            self._refuse(403, fault)
            return
        if traffic.closing and not traffic.expects(self._session_id):
            self._refuse(503, REASON)
            return
        sessions, admission = self.application_context.sessions, running().admission
        known = self._session_id in {session.id for session in sessions}
        if not known and not admission.admits_returning(sessions):
            self._refuse(FULL_STATUS, "this replica is full")
            return
        if not known:
            self._is_arriving = True
            admission.arriving += 1
        try:
            await super().get(*args, **kwargs)
        finally:
            # Not where it is closed: a handshake that Tornado refuses, as one without a key, never is.
            self._arrive()

    def _arrive(self) -> None:
        """Be counted among those that arrive no more: the session is there, or will not come."""
        if self._is_arriving:
            self._is_arriving = False
            running().admission.arriving -= 1

    @override
    def open(self) -> None:
        self.set_nodelay(True)
        stream = self._find_stream()
        if stream is not None:
            stream.max_write_buffer_size = SEND_MAX_BYTES
        traffic.sockets.add(self)
        self._is_first = traffic.take(self._session_id)
        self._is_late = traffic.closing
        self._address = running().addresses.find(self.request.remote_ip)
        self._address.open_socket(self._session_id, returns=self._is_arriving)
        self._haste = Haste()
        if self._is_late:
            asyncio.get_running_loop().call_later(LATE_MAX_SECONDS, self._move_if_silent)
        super().open()

    def _move_if_silent(self) -> None:
        """Close a late websocket that has asked for nothing, and would not be moved with its document."""
        if not self._has_document:
            self.close(SERVICE_RESTART, REASON)

    @override
    async def on_message(self, message: str | bytes) -> None:
        # A message comes in several parts, of which those after the first never wait.
        self._haste.take()
        await super().on_message(message)
        self._haste.answer()

    @override
    async def write_message(  # type: ignore[override]
        self, message: bytes | str | dict[str, Any], binary: bool = False, locked: bool = True
    ) -> None:
        """Send a message once the client has taken what was sent before; one that takes nothing is let go.

        What the session wants to send next waits for this, so nothing more piles up than one change.
        """
        protocol = self.ws_connection
        if not (isinstance(protocol, StrictProtocol) and protocol.is_behind):
            await super().write_message(message, binary, locked)
            return
        if self._place is not None:
            self._place.leave()
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                await super().write_message(message, binary, locked)
        except TimeoutError as error:
            log.info("websocket let go: its client takes nothing")
            stream = self._find_stream()
            if stream is not None:
                stream.close()
            raise WebSocketClosedError from error

    def _find_stream(self) -> IOStream | None:
        return self.ws_connection.stream if self.ws_connection is not None else None

    @override
    def on_close(self) -> None:
        if self in traffic.sockets:
            traffic.sockets.discard(self)
            self._address.close_socket(self._session_id)
        # Bokeh's keep-alive lets go of a connection whose websocket is closed, and then fails here.
        if self.connection is None or self.connection._session is not None:
            super().on_close()
        # They hold each other and themselves, and all that came with the request; nobody would collect them.
        for part in (self.receiver, self.handler):
            if part is not None:
                vars(part).clear()
        self.connection = self.receiver = self.handler = None

    async def _async_open(self, token: str) -> None:
        known = next((one for one in self.application_context.sessions if one.id == self._session_id), None)
        if known is not None:
            self._arrive()
            with staying(known):
                await self._resume(known, token)
            return
        address = self._address
        try:
            with address.returns.asking():
                async with address.returning:
                    await address.returns.wait()
                    async with take_turn(lambda: self in traffic.sockets and not traffic.closing):
                        with address.returns.serving(), charging(address.returns):
                            await super()._async_open(token)
        except VisitorLeft:
            return
        finally:
            self._arrive()
        RECONNECTS_RESTORED.inc()

    async def _resume(self, known: ServerSession, token: str) -> None:
        """Have a session again that was here before, and moved on where it was since."""
        process, query = running(), self.request.query
        if process.is_behind(known.id, query):
            await self._address.allowance.wait()
            with charging(self._address.allowance):
                await cast(
                    "Awaitable[None]", known.with_document_locked(process.resume_page, known.id, query)
                )
        await super()._async_open(token)

    async def _handle(self, message: Message[Any]) -> Any:
        connection = self.connection
        session = connection._session if connection is not None else None
        if connection is None or session is None:
            return None
        with self._address.allowance.counting():
            verdict = judge(message)
        if verdict is Verdict.REFUSE:
            self._protocol_error(f"{message.msgtype} of a kind that pages do not send")
            return None
        if verdict is Verdict.IGNORE:
            await self._address.allowance.wait()
            return None if self._let_go_if_left() else connection.ok(message)
        if asks_for_change(message):
            self._address.audience.use(self._session_id)
        if self._haste.change():
            self._address.audience.press(self._session_id)
        if message.msgtype == "PULL-DOC-REQ" and not self._has_document:
            self._has_document = True
            self._place = await self._address.take_document(self._session_id, first=self._is_first)
        else:
            self._place = await self._address.take_place(self._session_id)
        try:
            # One that was closed while it waited, as by a drain, is told nothing any more.
            if self.connection is None or self.ws_connection is None or self._let_go_if_left():
                return None
            with (
                speaking_of(session.id, **running().herald.describe(session.id)),
                charging(self._place.allowance),
            ):
                if message.msgtype != "PATCH-DOC":
                    reply = await super()._handle(message)
                    if self._is_late:
                        move_late(self)
                    return reply
                with CHANGE_SECONDS.time():
                    reply = await super()._handle(message)
                if reply is not None and reply.msgtype == "ERROR":
                    # Bokeh's own holds the stack, with the paths of this service.
                    return connection.error(message, "the change could not be made")
                return reply
        finally:
            self._place.leave()
            self._place = None

    def _let_go_if_left(self) -> bool:
        """Close a websocket whose client has left, and say so.

        What it has asked for before would be done first otherwise, and that may be much.
        """
        stream = self._find_stream()
        if stream is None or stream.closed() or not has_left(stream.socket):
            return False
        stream.close()
        return True

    @override
    async def _receive(self, fragment: str | bytes) -> Message[Any] | None:
        # Bokeh expects some errors of its parser, and logs a message whole that raises another one.
        try:
            if self.receiver is None:
                raise ValueError("a message before the session is open")
            self._partial_bytes += len(fragment)
            if self._partial_bytes > PARTS_MAX_BYTES:
                raise ValueError("a message in too many parts")
            with self._address.allowance.counting():
                message = await self.receiver.consume(fragment)
            if message is not None:
                self._partial_bytes = 0
            return message
        except Exception as error:  # noqa: BLE001  whatever it raises, the message is no message
            self._protocol_error(type(error).__name__)
            return None

    # Bokeh closes with codes that RFC 6455 does not have, and gives as reason what the client sent.
    @override
    def _internal_error(self, message: str) -> None:
        log.error("websocket closed, a message could not be handled: %.200s", message)
        self.close(INTERNAL_ERROR, "the message could not be handled")

    @override
    def _protocol_error(self, message: str) -> None:
        log.info("websocket closed, not Bokeh's protocol: %.200s", message)
        self.close(REFUSED, "not a message of this service")

    def _find_fault(self) -> str | None:
        protocols = [
            part.strip() for part in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        ]
        if len(protocols) != 2 or protocols[0] != "bokeh":
            return "no session token"
        token = protocols[1]
        try:
            signed = check_token_signature(
                token, signed=self.application.sign_sessions, secret_key=self.application.secret_key
            )
            expiry = get_token_payload(token)["session_expiry"] if signed else 0
            self._session_id = get_session_id(token)
        except (ValueError, KeyError, TypeError, AssertionError):
            return "a malformed session token"
        if not signed:
            return "a session token that was not signed here"
        return "an expired session token" if time.time() >= expiry else None

    def _refuse(self, status: int, reason: str) -> None:
        log.info("websocket refused: %s", reason)
        self.set_status(status, "Full" if status == FULL_STATUS else None)
        self.finish(reason)
