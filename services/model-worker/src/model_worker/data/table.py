"""Row-by-row CSV reader: every fault of the file's form, and the editor line on which each row begins."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING

from model_worker.data.columns import Rows
from model_worker.data.data_file import DataFile
from model_worker.data.fault_collector import TOLD, FaultCollector
from model_worker.data.lines import LONGEST_LINE, LongLine, read_lines
from model_worker.study.definition import Study
from model_worker.study.faults import suggest, tell_columns
from tracestore.manifest import Fault

if TYPE_CHECKING:
    from _csv import Reader

ROWS_AT_ONCE = 10_000
"""Rows in memory as text at once; each cell takes about ten times as much memory as in the file."""


def read_header(data: DataFile) -> tuple[list[str], int]:
    """Return the column names and the line on which the header ends; no names if there is no header.

    Raises
    ------
    csv.Error
        If a quote is not closed.
    LongLine
        If a line is longer than `LONGEST_LINE`.
    """
    reader = _records(data)
    for record in reader:
        header = [cell.strip() for cell in record]
        if any(header):
            return header, reader.line_num
    return [], 0


def read_rows(study: Study, data: DataFile, collector: FaultCollector) -> Iterator[Rows]:
    """Yield the columns that a study uses, in batches; blank lines are skipped, cells are not interpreted.

    After the last batch, the collector contains unclosed quotes, repeated column names, rows with more or
    fewer cells than the header, and the fault of a file without rows. Missing columns are reported only if
    there is no other fault. If there are faults, the yielded rows are not the whole table.

    Parameters
    ----------
    data
        CSV in UTF-8 with a header, with or without a byte order mark.
    """
    file = data.name
    reader = _records(data)
    header: list[str] = []
    places: dict[str, int] = {}
    cells_of: Callable[[Sequence[str]], Sequence[str]] = tuple
    records: list[Sequence[str]] = []
    lines: list[int] = []
    line, width, first, rows = 1, -1, 0, 0
    try:
        for record in reader:
            if len(record) == width and record[first].strip():
                records.append(cells_of(record))
                lines.append(line)
            elif any(cell.strip() for cell in record):
                if not header:
                    header = [cell.strip() for cell in record]
                    width = len(header)
                    places = {name: header.index(name) for name in study.columns if name in header}
                    first = min(places.values(), default=0)
                    if len(places) > 1:
                        cells_of = itemgetter(*places.values())
                    collector.add(_repeated_names(header, file, line))
                elif len(record) != width:
                    collector.count(("ragged_row", None), [(line, width, len(record))], partial(ragged, file))
                else:
                    records.append(cells_of(record))
                    lines.append(line)
            if len(records) == ROWS_AT_ONCE:
                rows += ROWS_AT_ONCE
                if len(places) == len(study.columns):
                    yield _columns(records, lines, places)
                records, lines = [], []
            line = reader.line_num + 1
    except csv.Error as error:
        unclosed = Fault(
            kind="open_quote",
            file=file,
            line=line,
            expected="comma-separated values",
            found=str(error),
            advice="Check the quotes of the row that starts here.",
        )
        collector.add([unclosed])
    except LongLine as error:
        collector.add([long_line(file, error)])
    rows += len(records)
    if not collector and not rows:
        collector.add([no_rows(file, bool(header))])
    if not collector:
        collector.add(missing_columns(study, file, header))
    if records and not collector:
        yield _columns(records, lines, places)


def _records(data: DataFile) -> "Reader":
    text = io.TextIOWrapper(data.open(), encoding="utf-8-sig", newline="")
    return csv.reader(read_lines(text), delimiter=data.delimiter, strict=True)


def _columns(records: list[Sequence[str]], lines: list[int], names: Iterable[str]) -> Rows:
    return Rows(lines, {name: [record[at].strip() for record in records] for at, name in enumerate(names)})


def long_line(file: str, error: LongLine) -> Fault:
    """Return the fault of a line that is too long."""
    return Fault(
        kind="long_line",
        file=file,
        line=error.line,
        expected=f"lines of at most {LONGEST_LINE:,} characters",
        found="a longer one",
        advice="See that the file has its line breaks, one after each row.",
    )


def no_rows(file: str, header: bool) -> Fault:
    """Return the fault of a file without rows."""
    return Fault(
        kind="empty_file",
        file=file,
        line=1,
        expected="a header and at least one row",
        found="a header alone" if header else "an empty file",
        advice="Add the rows.",
    )


def missing_columns(study: Study, file: str, header: Sequence[str]) -> list[Fault]:
    """Return a fault for each column that the file lacks, or one fault for a wrong delimiter."""
    delimiter = study.toml.read.delimiter
    others = (name for name in (",", ";", "\t", "|") if name != delimiter)
    separator = next((name for name in others if len(header) == 1 and name in header[0]), None)
    if separator:
        advice = (
            f"The cells seem to be separated by {separator!r}: say so in study.toml, in the table [read]:"
            f" delimiter = {json.dumps(separator)}."
        )
        return [
            Fault(
                kind="wrong_delimiter",
                file=file,
                line=1,
                value=header[0][:100],
                expected=f"cells separated by {delimiter!r}",
                found="one column",
                advice=advice,
            )
        ]
    return [
        Fault(
            kind="missing_column",
            file=file,
            line=1,
            column=column,
            value=column,
            expected=f'the column "{column}", which study.toml names in {key}',
            found=tell_columns(header),
            advice=suggest(column, header),
        )
        for column, key in study.columns.items()
        if column not in header
    ]


def _repeated_names(header: list[str], file: str, line: int) -> list[Fault]:
    repeated = [(name, times) for name, times in Counter(header).items() if times > 1]
    return [
        Fault(
            kind="repeated_column",
            file=file,
            line=line,
            column=name[:100],
            expected="every column's name once",
            found=f'"{name}" {times} times'[:200],
            advice="Rename or delete one of the columns.",
        )
        for name, times in repeated[:TOLD]
    ]


def ragged(file: str, place: tuple[int, int, int]) -> Fault:
    """Return the fault of a row, given its line and the expected and actual number of cells."""
    line, expected, found = place
    return Fault(
        kind="ragged_row",
        file=file,
        line=line,
        expected=f"{expected} cells, as in the header",
        found=f"{found}",
        advice="Add the missing cells, or put quotes around a text that has the separator in it.",
    )
