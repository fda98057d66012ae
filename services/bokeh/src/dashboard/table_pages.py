"""The numbers of every figure as CSV and JSON, at addresses made of a figure's name and a page's own query.

They need no session, so that a link to one can be kept, and read by a program.
"""

import asyncio
import json
import math
from typing import Any, override

from dashboard.addresses import TooMuch
from dashboard.labels import NO_ISOLATES
from dashboard.process import Process, running
from dashboard.secured import SecuredHandler
from dashboard.settling import settle
from dashboard.state import read_query
from dashboard.tables import TABLES, Cell, Table, name_file
from dashboard.turns import is_waited_for


class Refused(Exception):
    """What is asked for cannot be had; the message is a sentence for who asked."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def write_file(process: Process, table: str, form: str, query: str) -> tuple[str, str]:
    """Give the name and the text of a figure's table as CSV or JSON. Blocks: not for the event loop.

    Raises
    ------
    Refused
        Naming every part of the query that cannot be used: a file must not hold other numbers than those
        that were asked for.
    """
    build = TABLES.get(table)
    if build is None:
        raise Refused(404, f"There is no such table; expected one of {', '.join(TABLES)}.")
    asked, notices = read_query(query)
    process.fetch_version(asked)
    cache = process.cache
    state, more = settle(asked, cache.shelf, cache.held)
    if notices or more:
        raise Refused(404, " ".join((*notices, *more)))
    version = cache.held(state.study or "", state.version or "")
    if version is None:
        raise Refused(404, "Nothing is published for this study yet.")
    made = build(version, state)
    text = made.to_csv().translate(NO_ISOLATES) if form == "csv" else write_json(made)
    return name_file(version, state, table, form), text


def write_json(table: Table) -> str:
    """Write a table for the page: names and periods as text, numbers as numbers, null where there is none."""
    rows = [[_tell(cell) for cell in row] for row in table.rows]
    return json.dumps({"columns": table.columns, "rows": rows}, ensure_ascii=False)


def _tell(cell: Cell) -> str | float | None:
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    return str(cell)


class TableHandler(SecuredHandler):
    """Answers ``/data/<figure>.csv?<query>``, and ``.json`` likewise."""

    @override
    def initialize(self, **_of_every_bokeh_handler: Any) -> None:
        """Take what Bokeh gives to each of its handlers, and leave it."""

    @override
    async def get(self, table: str, form: str) -> None:
        process = running()
        address = process.addresses.find(self.request.remote_ip)
        try:
            async with address.answering(address.changes):
                if not is_waited_for(self.request):
                    return
                name, text = await asyncio.to_thread(write_file, process, table, form, self.request.query)
        except Refused as refused:
            self.set_status(refused.status)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(f"{refused}\n")
            return
        except TooMuch:
            self.send_too_much()
            return
        self.set_header("Content-Type", TYPES[form])
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        # A query that names its version is answered alike for ever, one that does not is not.
        self.set_header(
            "Cache-Control", "private, max-age=600" if "version" in self.request.arguments else "no-store"
        )
        self.finish(text)

    head = get
