"""The numbers of every figure as CSV and JSON, at addresses made of a figure's name and a page's own query.

They need no session, so that a link to one can be kept, and read by a program.
"""

import json
import math

from dashboard.catalogue import Catalogue, VersionCache
from dashboard.labels import NO_ISOLATES
from dashboard.settling import settle
from dashboard.state import read_query
from dashboard.tables import TABLES, Table, name_file

TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


class Refused(Exception):
    """A table cannot be had; the message is a sentence for who asked."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def write_file(
    catalogue: Catalogue, versions: VersionCache, table: str, form: str, query: str
) -> tuple[str, str]:
    """Return name and text of a figure's table as CSV or JSON, of draws that are in memory already.

    A query of which some part cannot be used is `Refused`: a file must hold the numbers that were asked for.
    """
    build = TABLES.get(table)
    if build is None:
        raise Refused(404, f"There is no such table; expected one of {', '.join(TABLES)}.")
    asked, notices = read_query(query)
    missing = catalogue.snapshot.find_missing(asked.study)
    if missing is not None:
        raise Refused(404, missing)
    if asked.study is None and catalogue.snapshot.front is None:
        raise Refused(404, "Name a study, as in ?study=NAME; /studies lists them.")
    settled = settle(asked, catalogue.snapshot, versions)
    notices += settled.notices
    fault, version = settled.fault, settled.version
    if settled.is_loading:
        raise Refused(503, "The draws are still being loaded; ask again in a moment.")
    if fault is not None:
        # Another replica may have room for it, and none has another file.
        raise Refused(503 if fault.is_passing else 404, f"The draws cannot be read: {fault}")
    if notices:
        raise Refused(404, " ".join(notices))
    if version is None:
        raise Refused(404, "Nothing is published for this study yet.")
    made = build(version, settled.state)
    text = made.to_csv().translate(NO_ISOLATES) if form == "csv" else write_json(made)
    return name_file(version, settled.state, table, form), text


def write_json(table: Table) -> str:
    """Write a table for the page: names and periods as text, numbers as numbers, null where there is none."""
    rows = [
        [str(cell) if not isinstance(cell, float) else cell if math.isfinite(cell) else None for cell in row]
        for row in table.rows
    ]
    return json.dumps({"columns": table.columns, "rows": rows}, ensure_ascii=False)
