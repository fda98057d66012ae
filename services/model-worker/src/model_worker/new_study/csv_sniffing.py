"""Detection of a data file's form, encoding, delimiter and number format from its first rows."""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import get_args

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from model_worker.data.data_file import Form
from model_worker.data.fault_collector import TOLD, FaultCollector
from model_worker.data.lines import LongLine, read_lines
from model_worker.data.table import long_line, ragged
from model_worker.study.faults import InvalidInput
from model_worker.study.read_options import Delimiter, Encoding, ReadOptions, Thousands
from tracestore.manifest import Fault

SAMPLE_ROWS = 50_000
SAMPLE_BYTES = 1 << 24
_ROWS_FOR_DELIMITER = 1000

_MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_Marks = tuple[str, Thousands | None]


@dataclass(frozen=True)
class Sample:
    """First rows of a file, read with the detected options; `columns` has the texts by column name."""

    form: Form
    read_options: ReadOptions
    columns: Mapping[str, Sequence[str]]
    reasons: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Number of rows in the sample."""
        return len(next(iter(self.columns.values()), ()))


def sniff(content: bytes, file: str, *, whole: bool = False) -> Sample:
    """Infer the form, encoding, delimiter and number format of a file from its bytes.

    Parameters
    ----------
    whole
        If True, all rows are read rather than only the first ones.

    Raises
    ------
    InvalidInput
        If the file is not a table of several columns, or a column name is repeated or missing; with
        `whole`, also if a row has more or fewer cells than the header.
    """
    if content.startswith(b"PAR1"):
        return _sniff_parquet(content, file, whole)
    form: Form = ".csv"
    if content.startswith(b"\x1f\x8b"):
        form = ".csv.gz"
        try:
            with gzip.open(io.BytesIO(content)) as stream:
                content = stream.read(-1 if whole else SAMPLE_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise InvalidInput(
                [_unreadable("not_compressed", file, str(error), "Compress the file again.")]
            ) from None
    encoding, why_encoding = _encoding_of(content)
    # The sample may end in the middle of a character.
    text = content[: None if whole else SAMPLE_BYTES].decode(encoding, "ignore").removeprefix("\ufeff")
    delimiter = _delimiter_of(text, file)
    records = _all_rows_of(text, delimiter, file) if whole else _rows_of(text, delimiter, file, SAMPLE_ROWS)
    header = [name.strip() for name in records[0]] if records else []
    _require_table(file, header, len(records))
    rows = [record for record in records[1:] if len(record) == len(header)]
    columns = {name: [record[place].strip() for record in rows] for place, name in enumerate(header)}
    decimal, thousands, why_numbers = _numbers_of(columns, delimiter)
    read_options = ReadOptions.model_validate(
        {"delimiter": delimiter, "encoding": encoding, "decimal": decimal, "thousands": thousands}
    )
    separated = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}[delimiter]
    return Sample(
        form, read_options, columns, (f"cells are separated by {separated}", why_encoding, why_numbers)
    )


def _sniff_parquet(content: bytes, file: str, whole: bool) -> Sample:
    try:
        parquet = pq.ParquetFile(pa.BufferReader(content))
        batch = next(parquet.iter_batches(max(1, parquet.metadata.num_rows) if whole else SAMPLE_ROWS), None)
        names = parquet.schema_arrow.names
        _require_table(file, names, 1 + parquet.metadata.num_rows)
        assert batch is not None, "a Parquet file with rows has a first batch"
        columns = {
            name: [(text or "").strip() for text in batch.column(place).cast(pa.string()).to_pylist()]
            for place, name in enumerate(names)
            if not pa.types.is_nested(batch.schema.field(place).type)
        }
    except (pa.ArrowException, OSError) as error:
        raise InvalidInput(
            [_unreadable("not_parquet", file, str(error)[:200], "Write the file again.")]
        ) from None
    return Sample(".parquet", ReadOptions(), columns, ("the file is Parquet",))


def _encoding_of(content: bytes) -> tuple[Encoding, str]:
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            encoding = next(known for known in get_args(Encoding) if known == name)
            return encoding, f"its byte order mark says {name}"
    try:
        content[:SAMPLE_BYTES].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            return _eight_bits(content[:SAMPLE_BYTES])
    if content[1:200:2].count(0) > len(content[1:200:2]) // 2:
        return "utf-16", "every other byte is zero, as in UTF-16"
    return "utf-8", "its bytes are UTF-8"


def _eight_bits(content: bytes) -> tuple[Encoding, str]:
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1", "its bytes are neither UTF-8 nor Windows-1252: taken for Latin-1"
    return (
        "cp1252",
        "its bytes are not UTF-8: taken for Windows-1252; correct read.encoding if names look wrong",
    )


def _delimiter_of(text: str, file: str) -> Delimiter:
    best: tuple[float, Delimiter] = (-1.0, ",")
    for delimiter in get_args(Delimiter):
        try:
            records = [
                record for _, record in islice(_filled_records(text, delimiter, file), _ROWS_FOR_DELIMITER)
            ]
        except csv.Error:
            continue
        width = len(records[0]) if records else 0
        alike = sum(len(record) == width for record in records) / max(1, len(records))
        score = (width > 1) * alike * (1 + width / 1000)
        best = max(best, (score, delimiter), key=lambda found: found[0])
    return best[1]


def _filled_records(text: str, delimiter: Delimiter, file: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with its first line."""
    reader = csv.reader(read_lines(io.StringIO(text, newline="")), delimiter=delimiter)
    line = 1
    try:
        for record in reader:
            if any(map(str.strip, record)):
                yield line, record
            line = reader.line_num + 1
    except LongLine as error:
        raise InvalidInput([long_line(file, error)]) from None


def _rows_of(text: str, delimiter: Delimiter, file: str, most: int) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        rows.extend(record for _, record in islice(_filled_records(text, delimiter, file), most))
    except csv.Error:
        # The rows before the error suffice for detection; the check of the study reports the line.
        return rows
    return rows


def _all_rows_of(text: str, delimiter: Delimiter, file: str) -> list[list[str]]:
    """Return all rows; a row with more or fewer cells than the first row is a fault."""
    rows: list[list[str]] = []
    collector = FaultCollector()
    try:
        for line, record in _filled_records(text, delimiter, file):
            if rows and len(record) != len(rows[0]):
                collector.count(
                    ("ragged_row", None), [(line, len(rows[0]), len(record))], partial(ragged, file)
                )
            rows.append(record)
    except csv.Error as error:
        line = len(rows) + 1
        advice = "Check the quotes of the row that starts about here."
        collector.add(
            [
                Fault(
                    kind="open_quote",
                    file=file,
                    line=line,
                    expected="a table to its end",
                    found=str(error),
                    advice=advice,
                )
            ]
        )
    if collector:
        raise InvalidInput(collector.faults())
    return rows


def _numbers_of(columns: Mapping[str, Sequence[str]], delimiter: str) -> tuple[str, Thousands | None, str]:
    cells = [cell for values in columns.values() for cell in values[:2000] if any(map(str.isdigit, cell))]
    with_commas: list[_Marks] = [(".", ","), (",", None)] if delimiter == "," else [(",", None), (".", ",")]
    choices: list[_Marks] = [(".", None), *with_commas, (",", "."), (",", " "), (".", " "), (".", "'")]
    counts = []
    for decimal, thousands in choices:
        read_options = ReadOptions.model_validate({"decimal": decimal, "thousands": thousands})
        counts.append(sum(read_options.plain(cell) is not None for cell in cells))
    decimal, thousands = choices[counts.index(max(counts))]
    mark = "point" if decimal == "." else "comma"
    between = f' and "{thousands}" between thousands' if thousands else ""
    doubt = ""
    if thousands == "," and not any(ReadOptions(decimal=".").plain(cell) and "." in cell for cell in cells):
        doubt = "; if 1,234 is to be less than 2, correct [read]"
    return decimal, thousands, f"numbers have a decimal {mark}{between}{doubt}"


def _require_table(file: str, header: Sequence[str], records: int) -> None:
    repeated = [(name, times) for name, times in Counter(header).items() if times > 1]
    if len(header) < 2:
        advice = "Give a table of several columns: CSV (commas, semicolons, tabs or bars), gzip or Parquet."
        raise InvalidInput(
            [_unreadable("not_a_table", file, "one column" if header else "no columns", advice)]
        )
    if repeated:
        raise InvalidInput(
            Fault(
                kind="repeated_column",
                file=file,
                line=1,
                column=name[:100] or "(no name)",
                expected="every column's name once",
                found=f'"{name}" {times} times'[:200],
                advice="Rename or delete one of the columns.",
            )
            for name, times in repeated[:TOLD]
        )
    if records < 2:
        raise InvalidInput(
            [
                Fault(
                    kind="empty_file",
                    file=file,
                    line=1,
                    expected="a header and at least one row",
                    found="a header alone",
                    advice="Add the rows.",
                )
            ]
        )


def _unreadable(kind: str, file: str, found: str, advice: str) -> Fault:
    expected = "a table in CSV, gzip or Parquet"
    return Fault(kind=kind, file=file, expected=expected, found=found or "something else", advice=advice)
