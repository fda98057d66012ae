"""A CSV without faults of its cells, read by Arrow: seconds for ten million rows."""

import csv

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.csv as arrow_csv  # type: ignore[import-untyped]

from model_worker.cells import are_all_right
from model_worker.columns import Coded, Columns
from model_worker.csv_bytes import Quotes
from model_worker.data_file import DataFile
from model_worker.notation import Notation
from model_worker.study import Study
from model_worker.table import read_header

_BLOCK = 1 << 22
_CODED = pa.dictionary(pa.int32(), pa.string())


def read_clean_csv(study: Study, data: DataFile, quotes: Quotes) -> Columns | None:
    """Read the columns that a study uses, or give nothing when row by row is the way to read them.

    That is wherever Arrow and Python's `csv` could differ, and where a cell of a number does not hold
    one: this reader knows no lines, so it cannot tell a fault.
    """
    toml = study.toml
    if not quotes.regular:
        return None
    try:
        header, lines = read_header(data)
    except csv.Error:
        return None
    texts = {toml.unit.column, toml.period.column, toml.unit.label or toml.unit.column}
    if len(set(header)) != len(header) or set(study.columns) - set(header) or texts & set(study.numbers):
        return None
    grouped = toml.read.thousands is not None
    number = pa.string() if grouped else pa.float64()
    types = dict.fromkeys(texts, _CODED) | dict.fromkeys(study.numbers, number)
    try:
        table = arrow_csv.read_csv(
            data.open_in_arrow(),
            read_options=arrow_csv.ReadOptions(column_names=header, skip_rows=lines, block_size=_BLOCK),
            parse_options=arrow_csv.ParseOptions(delimiter=data.delimiter, newlines_in_values=quotes.there),
            convert_options=arrow_csv.ConvertOptions(
                column_types=types,
                include_columns=list(types),
                null_values=[],
                strings_can_be_null=False,
                decimal_point=toml.read.decimal,
            ),
        )
    except pa.ArrowInvalid:
        return None
    found = {column: table.column(column) for column in study.numbers}
    if grouped:
        found = {column: _ungroup(cells, toml.read) for column, cells in found.items()}
    if any(cells is None for cells in found.values()):
        return None
    numbers = {column: cells.to_numpy() for column, cells in found.items()}
    if not table.num_rows or not are_all_right(study, numbers):
        return None
    coded = {column: code_array(table.column(column)) for column in texts}
    unit = coded[toml.unit.column]
    label = coded.get(toml.unit.label or "", unit)
    return Columns(unit, coded[toml.period.column], label, numbers, toml.period.form)


def _ungroup(cells: pa.ChunkedArray, read: Notation) -> pa.ChunkedArray | None:
    """Read numbers that have something between thousands; none where a cell is no such number."""
    cells = pc.utf8_trim_whitespace(cells)
    if not pc.all(pc.match_substring_regex(cells, f"^(?:{read.pattern})$")).as_py():
        return None
    plain = pc.replace_substring_regex(cells, read.mark, "")
    try:
        return pc.replace_substring(plain, read.decimal, ".").cast(pa.float64())
    except pa.ArrowInvalid:
        return None


def code_array(column: pa.ChunkedArray) -> Coded:
    """Code a column of Arrow's dictionary type that has no empty places."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.unify_dictionaries().chunk(0)
    return Coded.of((str(value) for value in whole.dictionary.to_pylist()), whole.indices.to_numpy())
