"""The page and its websocket, as this service answers them in place of Bokeh's own handlers.

Every page carries the header ``X-Longitude-Replica`` and ``<meta name="replica">``, both with the setting
REPLICA, and so does the answer to a websocket's handshake, so that a client can tell which replica it is on.
"""

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
from tornado.web import HTTPError

from dashboard.application import FAULT
from dashboard.assets import PAGE_SCRIPTS, PAGE_SHEETS
from dashboard.logs import speaking_of
from dashboard.metrics import CHANGE_SECONDS, RECONNECTS_RESTORED
from dashboard.process import Process, running
from dashboard.session_document import SessionDocument
from dashboard.state import MASSES
from dashboard.theme import DARK
from dashboard.words import NAMES

log = logging.getLogger(__name__)

YEAR_SECONDS = 31_536_000


@dataclass
class Traffic:
    """What is going on right now, for the drain to wait for: open websockets, pages being answered."""

    sockets: set["SocketHandler"] = field(default_factory=set)
    pages: int = 0
    closing: bool = False


traffic = Traffic()


class PageHandler(DocHandler):
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
        traffic.pages += 1
        try:
            async with process.turn:
                session = await cast("Awaitable[ServerSession | None]", self.get_session())
            if session is None:
                raise HTTPError(403)
            self._answer(process, session)
        finally:
            traffic.pages -= 1

    async def head(self, *_args: Any, **_kwargs: Any) -> None:
        """Say that this replica answers, without making a session."""
        self._set_headers(running())

    def _answer(self, process: Process, session: ServerSession) -> None:
        document = session.document
        words = document.template_variables.get("words")
        self._set_headers(process)
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

    def _set_headers(self, process: Process) -> None:
        for name, value in process.headers.items():
            self.set_header(name, value)


class SocketHandler(WSHandler):
    """Carries the websocket: refuses bad tokens before the upgrade, sends small messages without delay."""

    @override
    async def get(self, *args: Any, **kwargs: Any) -> None:
        if traffic.closing:
            self._refuse(503, "this replica is stopping")
            return
        fault = self._find_fault()
        if fault is not None:
            self._refuse(403, fault)
            return
        self.set_header("X-Longitude-Replica", running().settings.replica)
        await super().get(*args, **kwargs)

    @override
    def open(self) -> None:
        self.set_nodelay(True)
        traffic.sockets.add(self)
        super().open()

    @override
    def on_close(self) -> None:
        traffic.sockets.discard(self)
        super().on_close()
        # The two hold each other, and all that came with the request.
        self.connection = None

    @override
    async def send_message(self, message: Message[Any]) -> None:
        await super().send_message(message)
        if message.msgtype == "PULL-DOC-REPLY" and self.connection is not None:
            # With the document locked, and after the only reading of all that it has.
            cast(SessionDocument, self.connection.session.document).slim()

    async def _async_open(self, token: str) -> None:
        if get_session_id(token) in {session.id for session in self.application_context.sessions}:
            await super()._async_open(token)
            return
        async with running().turn:
            # While it waited, the visitor may have gone.
            if not traffic.closing and self in traffic.sockets:
                await super()._async_open(token)
                RECONNECTS_RESTORED.inc()

    async def _handle(self, message: Message[Any]) -> Any:
        if self.connection is None:
            return None
        session = self.connection.session.id
        with speaking_of(session, **running().herald.describe(session)):
            if message.msgtype != "PATCH-DOC":
                return await super()._handle(message)
            with CHANGE_SECONDS.time():
                return await super()._handle(message)

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
        except (ValueError, KeyError, TypeError, AssertionError):
            return "a malformed session token"
        if not signed:
            return "a session token that was not signed here"
        return "an expired session token" if time.time() >= expiry else None

    def _refuse(self, status: int, reason: str) -> None:
        log.info("websocket refused: %s", reason)
        self.set_status(status)
        self.finish(reason)


class AssetHandler(AsyncStaticFileHandler):
    """Serves our own files where no web server does so in front of us."""

    @override
    def initialize(self, **_of_every_bokeh_handler: Any) -> None:  # type: ignore[override]
        super().initialize(path=str(running().assets.directory))

    @override
    def get_cache_time(self, *_args: Any) -> int:
        return YEAR_SECONDS if "v" in self.request.arguments else 0
