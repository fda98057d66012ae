"""The route of a page's websocket."""

import logging
from collections.abc import Collection

from bokeh.core.types import ID
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from dashboard.application_state import ApplicationState
from dashboard.http.headers import FULL_STATUS
from dashboard.live.connection import INTERNAL_ERROR, PageSocket
from dashboard.live.documents import is_faulty
from dashboard.live.sessions import Session, Sessions, TokenRefused
from dashboard.logs import logging_about
from dashboard.operations.drain import REASON
from dashboard.operations.metrics import RECONNECTS_RESTORED

log = logging.getLogger(__name__)


class SocketRoute:
    """Accepts the websockets of this site's own pages, and serves each until it ends."""

    def __init__(self, state: ApplicationState, sessions: Sessions) -> None:
        self._state = state
        self._sessions = sessions

    async def serve(self, websocket: WebSocket) -> None:
        """Refuse a websocket before its handshake, or serve it."""
        if not is_own_origin(websocket, self._state.settings.websocket_origins):
            await _refuse(websocket, 403, "not opened by a page of this site")
            return
        try:
            session_id, token = self._sessions.read_token(websocket.scope["subprotocols"])
        except TokenRefused as refused:
            await _refuse(websocket, 403, str(refused))
            return
        if self._state.in_flight.closing and not self._state.in_flight.expects(session_id):
            await _refuse(websocket, 503, REASON)
            return
        known = self._sessions.find(session_id) is not None
        if not known and not self._state.admission.admits_returning(self._sessions.all):
            await _refuse(websocket, FULL_STATUS, "this replica is full")
            return
        await websocket.accept("bokeh")
        socket = PageSocket(websocket, self._state.notifier)
        with self._state.in_flight.socket(session_id, socket), logging_about(session_id):
            await self._serve(websocket, socket, session_id, token)

    async def _serve(self, websocket: WebSocket, socket: PageSocket, session_id: ID, token: str) -> None:
        try:
            session = self._sessions.find(session_id) or await self._restore(websocket, session_id, token)
            # Without a websocket it could end while it is resumed.
            session.block_expiration()
            try:
                await self._state.resume_page(session, websocket.url.query)
                connection = self._sessions.connect(socket.transport, session)
            finally:
                session.unblock_expiration()
        except Exception:
            log.exception("the session of a websocket could not be made")
            await socket.close(INTERNAL_ERROR, "the session could not be made")
            return
        try:
            await socket.serve(session, connection)
        except Exception:
            log.exception("a websocket ended with an error")
            await socket.close(INTERNAL_ERROR, "the message could not be handled")
        finally:
            self._sessions.disconnect(connection)

    async def _restore(self, websocket: WebSocket, session_id: ID, token: str) -> Session:
        """Make a session anew that this replica does not have, from the address of its page."""
        with self._state.admission.arriving():
            await self._state.wait_for_draws(websocket.url.query)
            async with self._state.page_queue.turns:
                session = await self._sessions.create_returning(websocket, session_id, token)
        if is_faulty(session.document):
            session.request_expiration()
            raise RuntimeError("its page could not be built")
        RECONNECTS_RESTORED.inc()
        return session


async def _refuse(websocket: WebSocket, status: int, reason: str) -> None:
    log.info("websocket refused: %s", reason)
    await websocket.send_denial_response(PlainTextResponse(f"{reason}\n", status))


def is_own_origin(request: HTTPConnection, hosts: Collection[str]) -> bool:
    """Return whether a request names exactly one origin, and that one is this site.

    Browsers name it on every websocket, and no page can change it. The request's scheme is the browser's, as
    the proxy tells it, and hosts have their ports as browsers send them.
    """
    origins = request.headers.getlist("origin")
    if len(origins) != 1:
        return False
    scheme = "https" if request.scope["scheme"] in {"https", "wss"} else "http"
    return origins[0].lower() in {f"{scheme}://{host}" for host in hosts}
