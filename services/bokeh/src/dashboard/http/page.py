"""The route of the page."""

import asyncio

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from dashboard.application_state import ApplicationState
from dashboard.assets import PAGE_SCRIPTS, PAGE_SHEETS
from dashboard.http.headers import FULL_STATUS
from dashboard.http.page_queue import ClientLeft, QueueFull
from dashboard.live.documents import is_faulty
from dashboard.live.sessions import Session, Sessions
from dashboard.operations.drain import REASON
from dashboard.state import MASSES
from dashboard.theme import DARK
from dashboard.words import say_fault

COOKIE = "longitude"
"""Cookie of the proxy that binds a visitor to a replica (compose.yaml)."""

LEFT_STATUS = 499
"""Status logged, and never sent, when the client left before the page was ready."""

RETRY_SECONDS = "10"


class PageRoute:
    """Answers ``/``: the page of a study, or the list of studies where the address names none."""

    def __init__(self, state: ApplicationState, sessions: Sessions) -> None:
        self._state = state
        self._sessions = sessions

    async def answer(self, request: Request) -> Response:
        """Answer the page, or a page in its place that says why there is none."""
        if "bokeh-token" in request.query_params or _names_session(request):
            return PlainTextResponse("Session tokens are not accepted here.\n", 403)
        if self._state.in_flight.over:
            return PlainTextResponse(f"{REASON}\n", 503)
        query = request.url.query
        missing = await asyncio.to_thread(self._state.write_missing, query)
        if missing is not None:
            return HTMLResponse(missing, 404)
        if request.method == "HEAD":
            # A page asks whether a replica answers before it loads itself again: no session for that.
            return HTMLResponse()
        if self._state.shows_list(query):
            return HTMLResponse(await asyncio.to_thread(self._state.write_list))
        if not self._state.admission.admits_new(self._sessions.all):
            return _send_elsewhere(request)
        try:
            with self._state.admission.arriving():
                await self._state.wait_for_draws(query)
                async with self._state.page_queue.turn(request.is_disconnected):
                    session = await self._sessions.create(request)
        except QueueFull:
            return _refuse_full()
        except ClientLeft:
            return Response(status_code=LEFT_STATUS)
        return self._write(session)

    def _write(self, session: Session) -> Response:
        document = session.document
        words, item = say_fault(), None
        if is_faulty(document):
            session.request_expiration()
        else:
            words = document.template_variables["words"]
            item = {
                "token": session.token,
                "roots": {root.id: f"slot-{root.name}" for root in document.roots},
                "root_ids": [root.id for root in document.roots],
                "use_for_title": True,
            }
            self._state.in_flight.expect_socket(session.id)
        html = self._state.templates.get_template("index.html").render(
            words=words,
            render_item=item,
            scripts=PAGE_SCRIPTS,
            sheets=PAGE_SHEETS,
            masses=[f"{mass:g}" for mass in MASSES],
            dark=DARK,
            assets=self._state.assets.urls,
            replica=self._state.settings.replica,
        )
        return HTMLResponse(html, 200 if item is not None else 500)


def _names_session(request: Request) -> bool:
    return "bokeh-session-id" in request.query_params or "bokeh-session-id" in request.headers


def _send_elsewhere(request: Request) -> Response:
    """Refuse a page; a visitor whose cookie leads to this full replica is asked to come again without it."""
    if COOKIE not in request.cookies:
        return _refuse_full()
    query = request.url.query
    response = RedirectResponse(f"./?{query}" if query else "./", 307)
    response.delete_cookie(COOKIE)
    return response


def _refuse_full() -> Response:
    return PlainTextResponse("This replica is full.\n", FULL_STATUS, {"Retry-After": RETRY_SECONDS})
