"""The dashboard as a Starlette application: its routes, and the middleware that every request passes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from dashboard.application_state import ApplicationState
from dashboard.http.access_log import AccessLog
from dashboard.http.downloads import DownloadRoute
from dashboard.http.files import FileRoute
from dashboard.http.headers import Headers
from dashboard.http.page import PageRoute
from dashboard.http.socket import SocketRoute
from dashboard.http.studies import StudiesRoutes
from dashboard.http.tables import TableRoute
from dashboard.live.sessions import Sessions


def make_site(state: ApplicationState) -> Starlette:
    """Build the application, to be served by itself or mounted below any path of another one."""
    sessions = Sessions(state.builder, state.settings)
    studies = StudiesRoutes(state)

    @asynccontextmanager
    async def lifespan(_site: Starlette) -> AsyncIterator[None]:
        await sessions.start()
        loop = asyncio.get_running_loop()
        state.versions.relieve_with(partial(loop.call_soon_threadsafe, sessions.expire_unconnected))
        state.follow_store()
        yield
        state.catalogue.stop()
        state.versions.close()
        await sessions.stop()

    return Starlette(
        lifespan=lifespan,
        middleware=[
            Middleware(AccessLog, in_flight=state.in_flight),
            Middleware(Headers, headers=state.headers),
        ],
        routes=[
            Route("/", PageRoute(state, sessions).answer),
            WebSocketRoute("/ws", SocketRoute(state, sessions).serve),
            Route("/studies", studies.answer_page),
            Route("/studies.json", studies.answer_json),
            Route("/data/{file}", TableRoute(state).answer),
            Route("/download/{study}/{version}/{file}", DownloadRoute(state).answer),
            Route("/static/{path:path}", FileRoute(state.assets).answer),
        ],
    )
