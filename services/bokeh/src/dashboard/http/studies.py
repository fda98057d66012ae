"""The routes of the list of studies: the page, and the same for the page's own select."""

import asyncio
import hashlib

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboard.application_state import ApplicationState
from dashboard.http.headers import has_copy
from dashboard.studies import list_studies_json


class StudiesRoutes:
    """Answers ``/studies`` and ``/studies.json``, which need neither a session nor draws."""

    def __init__(self, state: ApplicationState) -> None:
        self._state = state

    async def answer_page(self, _request: Request) -> Response:
        """Answer the list as a page."""
        return HTMLResponse(await asyncio.to_thread(self._state.write_list))

    async def answer_json(self, request: Request) -> Response:
        """Answer names and titles, or 304 where the client has them."""
        text = list_studies_json(self._state.catalogue.snapshot)
        tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if has_copy(request, tag):
            return Response(status_code=304, headers=headers)
        return Response(text, media_type="application/json", headers=headers)
