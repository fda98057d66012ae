"""A CSV file as columns of text, with the line each record stands on in an editor."""

import csv
import io
from dataclasses import dataclass

import pandas as pd

from model_worker.faults import InvalidInput
from tracestore.manifest import Fault


@dataclass(frozen=True)
class Table:
    """The records of a CSV: columns of text without surrounding spaces, indexed by the file's lines."""

    file: str
    columns: pd.DataFrame


def read_table(content: bytes, file: str) -> Table:
    """Read a CSV's bytes as text; blank lines are passed over, cells are not interpreted.

    Parameters
    ----------
    content
        The file's bytes: UTF-8, with or without a byte order mark, comma-separated, with a header.
    file
        The name faults are reported under.

    Raises
    ------
    InvalidInput
        When the bytes are not UTF-8, quotes do not close, a column's name is there twice, a row has
        more or fewer cells than the header, or there are no rows.
    """
    reader = csv.reader(io.StringIO(_decode(content, file), newline=""), strict=True)
    header: list[str] = []
    records: list[list[str]] = []
    lines: list[int] = []
    faults: list[Fault] = []
    line = 1
    try:
        for record in reader:
            cells = [cell.strip() for cell in record]
            if not any(cells):
                pass
            elif not header:
                header = cells
                faults += _repeated_names(header, file, line)
            elif len(cells) != len(header):
                faults.append(_ragged(file, line, len(header), len(cells)))
            else:
                records.append(cells)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        faults.append(
            Fault(
                kind="unreadable",
                file=file,
                line=line,
                expected="comma-separated values",
                found=str(error),
                advice="Check the quotes of the row that starts here.",
            )
        )
    if not faults and not records:
        faults.append(
            Fault(
                kind="empty_file",
                file=file,
                line=1,
                expected="a header and at least one row",
                found="a header alone" if header else "an empty file",
                advice="Add the rows.",
            )
        )
    if faults:
        raise InvalidInput(faults)
    return Table(file, pd.DataFrame(records, columns=header, index=pd.Index(lines, name="line"), dtype="str"))


def _decode(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        fault = Fault(
            kind="unreadable",
            file=file,
            line=content[: error.start].count(b"\n") + 1,
            expected="text in UTF-8",
            found=f"byte 0x{content[error.start]:02x}",
            advice="Save the file as UTF-8 (in a spreadsheet: CSV UTF-8).",
        )
        raise InvalidInput([fault]) from None


def _repeated_names(header: list[str], file: str, line: int) -> list[Fault]:
    return [
        Fault(
            kind="repeated_column",
            file=file,
            line=line,
            column=name,
            expected="every column's name once",
            found=f'"{name}" {header.count(name)} times',
            advice="Rename or delete one of the columns.",
        )
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]


def _ragged(file: str, line: int, expected: int, found: int) -> Fault:
    return Fault(
        kind="ragged_row",
        file=file,
        line=line,
        expected=f"{expected} cells, as in the header",
        found=f"{found}",
        advice="Add the missing cells, or put quotes around a text that has a comma in it.",
    )
