"""The page and its websocket, as this service answers them in place of Bokeh's own handlers.

Every page carries the header ``X-Longitude-Replica`` and ``<meta name="replica">``, both with the setting
REPLICA, and so does the answer to a websocket's handshake, so that a client can tell which replica it is on.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, cast, override

from bokeh.protocol.message import Message
from bokeh.server.session import ServerSession
from bokeh.server.views.doc_handler import DocHandler
from bokeh.server.views.static_handler import AsyncStaticFileHandler
from bokeh.server.views.ws import WSHandler
from bokeh.util.token import check_token_signature, get_session_id, get_token_payload
from tornado.iostream import IOStream
from tornado.web import HTTPError
from tornado.websocket import WebSocketClosedError, WebSocketProtocol

from dashboard.admission import COOKIE, FULL_STATUS, SEND_MAX_BYTES, TAKE_SECONDS
from dashboard.application import FAULT
from dashboard.assets import PAGE_SCRIPTS, PAGE_SHEETS
from dashboard.frames import INTERNAL_ERROR, REFUSED, StrictProtocol
from dashboard.logs import speaking_of
from dashboard.messages import Verdict, judge
from dashboard.metrics import CHANGE_SECONDS, RECONNECTS_RESTORED
from dashboard.places import Place
from dashboard.process import Process, running
from dashboard.secured import SecuredHandler, is_own_origin
from dashboard.state import MASSES
from dashboard.theme import DARK
from dashboard.turns import VisitorLeft, is_waited_for, take_turn
from dashboard.words import NAMES

log = logging.getLogger(__name__)

YEAR_SECONDS = 31_536_000

PARTS_MAX_BYTES = 4 * 1_048_576
"""Of a message with the buffers that come after it; the largest is a document that a browser echoes."""

LEFT_STATUS = 499
"""What the log says of a page that nobody waited for; nobody gets it."""


@dataclass
class Traffic:
    """What is going on right now, for the drain to wait for: open websockets, pages being answered."""

    sockets: set["SocketHandler"] = field(default_factory=set)
    pages: int = 0
    closing: bool = False


traffic = Traffic()


class PageHandler(SecuredHandler, DocHandler):
    """Answers the page.

    Tokens and session ids in the address are refused: this service only takes the ones it hands out
    itself, over the websocket. A document that could not be built gives a page that says so, with
    status 500.
    """

    @override
    async def prepare(self) -> None:
        await super().prepare()
        given = {"bokeh-token", "bokeh-session-id"} & self.request.arguments.keys()
        if given or "Bokeh-Session-Id" in self.request.headers:
            raise HTTPError(403, reason="Session tokens are not accepted here")
        # They would go into the token, which travels in a header; pages read the query instead.
        self.request.arguments.clear()

    @override
    async def get(self, *_args: Any, **_kwargs: Any) -> None:
        process = running()
        if not process.admission.admits_new(self.application_context.sessions):
            self._send_elsewhere(process.admission.limit)
            return
        traffic.pages += 1
        process.admission.arriving += 1
        try:
            try:
                async with take_turn(lambda: is_waited_for(self.request)):
                    session = await cast("Awaitable[ServerSession | None]", self.get_session())
            finally:
                process.admission.arriving -= 1
            if session is None:
                raise HTTPError(403)
            self._answer(process, session)
        except VisitorLeft:
            self.set_status(LEFT_STATUS, "Left")
        finally:
            traffic.pages -= 1

    async def head(self, *_args: Any, **_kwargs: Any) -> None:
        """Say that this replica answers, without making a session."""

    def _send_elsewhere(self, limit: int) -> None:
        """Refuse a page because this replica is full.

        The proxy brings a visitor with its cookie here however often it tries, so that one is asked to
        come again without it.
        """
        log.info("page refused: all of %d places are taken", limit)
        if COOKIE in self.cookies:
            self.clear_cookie(COOKIE)
            query = self.request.query
            self.redirect(f"/?{query}" if query else "/", status=307)
            return
        self.set_status(FULL_STATUS, "Full")
        self.set_header("Retry-After", "10")
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish("This replica is full.\n")

    def _answer(self, process: Process, session: ServerSession) -> None:
        document = session.document
        words = document.template_variables.get("words")
        item = None
        if words is None:
            self.set_status(500)
            process.health.build_fault = document.template_variables.get(FAULT, "the document is empty")
            session.request_expiration()
            words = dict.fromkeys(NAMES, "") | {
                "view": "problem",
                "title": "Longitude",
                "document-title": "Longitude",
                "problem-heading": "This page could not be built",
                "problem-lead": "The fault is in the service, not in your request, and is in its log.",
            }
        else:
            process.health.build_fault = None
            item = {
                "token": session.token,
                "roots": {root.id: f"slot-{root.name}" for root in document.roots},
                "root_ids": [root.id for root in document.roots],
                "use_for_title": True,
            }
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.write(
            process.templates.get_template("index.html").render(
                words=words,
                render_item=item,
                scripts=PAGE_SCRIPTS,
                sheets=PAGE_SHEETS,
                masses=[f"{mass:g}" for mass in MASSES],
                dark=DARK,
                assets=process.assets.urls,
                replica=process.settings.replica,
            )
        )


class SocketHandler(SecuredHandler, WSHandler):
    """Carries the websocket: refuses bad tokens before the upgrade, sends small messages without delay."""

    _partial_bytes: int = 0
    _is_arriving: bool = False
    _place: Place | None = None

    @override
    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        protocol = super().get_websocket_protocol()
        return StrictProtocol(self, False, protocol.params) if protocol is not None else None  # type: ignore[attr-defined]

    @override
    async def get(self, *args: Any, **kwargs: Any) -> None:
        if traffic.closing:
            self._refuse(503, "this replica is stopping")
            return
        if not is_own_origin(self.request, running().settings.websocket_origins):
            self._refuse(403, "not opened by a page of this site")
            return
        fault = self._find_fault()
        if fault is not None:
            self._refuse(403, fault)
            return
        sessions, admission = self.application_context.sessions, running().admission
        known = self._session_id in {session.id for session in sessions}
        if not known and not admission.admits_returning(sessions):
            self._refuse(FULL_STATUS, "this replica is full")
            return
        if not known:
            self._is_arriving = True
            admission.arriving += 1
        await super().get(*args, **kwargs)
        if self.ws_connection is None:
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
        super().open()

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
        traffic.sockets.discard(self)
        self._arrive()
        # Bokeh's keep-alive lets go of a connection whose websocket is closed, and then fails here.
        if self.connection is None or self.connection._session is not None:
            super().on_close()
        # The two hold each other, and all that came with the request.
        self.connection = None

    async def _async_open(self, token: str) -> None:
        known = next((one for one in self.application_context.sessions if one.id == self._session_id), None)
        if known is not None:
            self._arrive()
            process, query = running(), self.request.query
            if process.is_behind(known.id, query):
                # It was here before, and moved on where it was since.
                await cast(
                    "Awaitable[None]", known.with_document_locked(process.resume_page, known.id, query)
                )
            await super()._async_open(token)
            return
        try:
            async with take_turn(lambda: self in traffic.sockets and not traffic.closing):
                await super()._async_open(token)
        except VisitorLeft:
            return
        finally:
            self._arrive()
        RECONNECTS_RESTORED.inc()

    async def _handle(self, message: Message[Any]) -> Any:
        connection = self.connection
        session = connection._session if connection is not None else None
        if connection is None or session is None:
            return None
        verdict = judge(message)
        if verdict is Verdict.REFUSE:
            self._protocol_error(f"{message.msgtype} of a kind that pages do not send")
            return None
        if verdict is Verdict.IGNORE:
            return connection.ok(message)
        self._place = await running().places.take(self.request.remote_ip or "")
        try:
            if self.connection is None:
                return None
            with speaking_of(session.id, **running().herald.describe(session.id)):
                if message.msgtype != "PATCH-DOC":
                    return await super()._handle(message)
                with CHANGE_SECONDS.time():
                    reply = await super()._handle(message)
                if reply is not None and reply.msgtype == "ERROR":
                    # Bokeh's own holds the stack, with the paths of this service.
                    return connection.error(message, "the change could not be made")
                return reply
        finally:
            self._place.leave()
            self._place = None

    @override
    async def _receive(self, fragment: str | bytes) -> Message[Any] | None:
        # Bokeh expects some errors of its parser, and logs a message whole that raises another one.
        try:
            if self.receiver is None:
                raise ValueError("a message before the session is open")
            self._partial_bytes += len(fragment)
            if self._partial_bytes > PARTS_MAX_BYTES:
                raise ValueError("a message in too many parts")
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


class AssetHandler(SecuredHandler, AsyncStaticFileHandler):
    """Serves our own files where no web server does so in front of us."""

    @override
    def initialize(self, **_of_every_bokeh_handler: Any) -> None:  # type: ignore[override]
        super().initialize(path=str(running().assets.directory))

    @override
    def get_cache_time(self, *_args: Any) -> int:
        return YEAR_SECONDS if "v" in self.request.arguments else 0
