"""Bokeh's sessions in this process: their tokens, and how they are made and found."""

import time

from bokeh.application import Application
from bokeh.application.handlers.handler import Handler
from bokeh.core.types import ID
from bokeh.protocol.exceptions import ProtocolError
from bokeh.server.connection import ServerConnection
from bokeh.server.core import BokehServerCore
from bokeh.server.request import ServerRequest
from bokeh.server.session import ServerSession
from bokeh.settings import settings as bokeh_settings
from bokeh.util.token import check_token_signature, get_session_id, get_token_payload
from starlette.requests import HTTPConnection

from dashboard.live.internals import install
from dashboard.live.messages import PROTOCOL
from dashboard.live.transport import Transport
from dashboard.settings import Settings

Session = ServerSession
"""A session of Bokeh's, for modules that do not import its server."""

CHECK_UNUSED_MS = 1_000

UNCONNECTED_SECONDS = 2.0
"""Time in which the first websocket of a page comes."""


class TokenRefused(Exception):
    """A websocket's token cannot be accepted; the message says why."""


class Sessions:
    """The sessions of one process, on Bokeh's own server core.

    Tokens are signed with the secret that all replicas share, and carry no header, cookie or argument of the
    request. `handler` builds the document of each session.
    """

    def __init__(self, handler: Handler, settings: Settings) -> None:
        install()
        # Our tests check that models are where they should be; Bokeh's check takes 12 ms of every session.
        bokeh_settings.perform_document_validation = False
        self._core = BokehServerCore(
            {"/": Application(handler)},
            secret_key=settings.read_secret(),
            sign_sessions=True,
            generate_session_ids=True,
            session_token_expiration=settings.session_token_seconds,
            include_headers=[],
            include_cookies=[],
            keep_alive_milliseconds=0,
            check_unused_sessions_milliseconds=CHECK_UNUSED_MS,
            unused_session_lifetime_milliseconds=settings.unused_session_seconds * 1000,
        )
        self._context = self._core.applications["/"]

    @property
    def all(self) -> list[ServerSession]:
        """The sessions that there are now."""
        return self._core.get_sessions("/")

    def find(self, session_id: ID) -> ServerSession | None:
        """Return a session by its identifier, or None."""
        try:
            return self._core.get_session("/", session_id)
        except ProtocolError:
            return None

    def expire_unconnected(self) -> None:
        """End sessions without a websocket; a page that opens one after all has its session made anew."""
        for session in self.all:
            seconds = session.milliseconds_since_last_unsubscribe / 1000
            if not session.connection_count and seconds > UNCONNECTED_SECONDS:
                session.request_expiration()

    async def start(self) -> None:
        """Begin to end sessions that nobody uses."""
        await self._core.start()

    async def stop(self) -> None:
        """End all sessions."""
        await self._core.stop()

    async def create(self, request: HTTPConnection) -> ServerSession:
        """Create a session for a page, with its token."""
        return await self._core.create_session(self._context, _describe(request))

    async def create_returning(self, request: HTTPConnection, session_id: ID, token: str) -> ServerSession:
        """Return the session of a token, created anew from the query of its websocket if it is not here."""
        return await self._core.create_session_if_needed(self._context, session_id, _describe(request), token)

    def connect(self, transport: Transport, session: ServerSession) -> ServerConnection:
        """Connect a websocket to its session."""
        return self._core.new_connection(PROTOCOL, transport, self._context, session)

    def disconnect(self, connection: ServerConnection) -> None:
        """Disconnect a websocket from its session."""
        self._core.client_lost(connection)

    def read_token(self, protocols: list[str]) -> tuple[ID, str]:
        """Return session identifier and token of a websocket's subprotocols.

        Raises
        ------
        TokenRefused
            There is no token, or it is malformed, expired or was not signed with this secret.
        """
        if len(protocols) != 2 or protocols[0] != "bokeh":
            raise TokenRefused("no session token")
        token = protocols[1]
        try:
            signed = check_token_signature(token, signed=True, secret_key=self._core.secret_key)
            expiry = get_token_payload(token)["session_expiry"] if signed else 0
            session_id = get_session_id(token)
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise TokenRefused("a malformed session token") from error
        if not signed:
            raise TokenRefused("a session token that was not signed here")
        if time.time() >= expiry:
            raise TokenRefused("an expired session token")
        return session_id, token


def _describe(request: HTTPConnection) -> ServerRequest:
    """Describe a request to Bokeh by its query alone; all else would travel in the token."""
    return ServerRequest(method="GET", uri=request.url.path, path=request.url.path, query=request.url.query)
