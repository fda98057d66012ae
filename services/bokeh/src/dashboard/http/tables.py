"""The route of a figure's numbers as CSV and JSON, at an address made of its name and a page's own query."""

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dashboard.application_state import ApplicationState
from dashboard.state import read_query
from dashboard.table_pages import TYPES, Refused, write_file

LOAD_SECONDS = 10.0
"""Time that a table waits for draws that are not in memory."""


class TableRoute:
    """Answers ``/data/<figure>.csv?<query>``, and ``.json`` likewise; no session is needed."""

    def __init__(self, state: ApplicationState) -> None:
        self._state = state

    async def answer(self, request: Request) -> Response:
        """Answer the table, or a sentence that names every part of the query that cannot be used."""
        table, _, form = request.path_params["file"].rpartition(".")
        if form not in TYPES:
            return PlainTextResponse(f"404: expected one of the endings {', '.join(TYPES)}\n", 404)
        query = request.url.query
        await self._state.wait_for_draws(query, LOAD_SECONDS)
        try:
            name, text = await asyncio.to_thread(
                write_file, self._state.catalogue, self._state.versions, table, form, query
            )
        except Refused as refused:
            return PlainTextResponse(f"{refused}\n", refused.status)
        asked, _ = read_query(query)
        # A query that names study and version is answered alike for ever; another one is not.
        cached = "private, max-age=600" if asked.study and asked.version else "no-store"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": cached}
        return Response(text, media_type=TYPES[form], headers=headers)
