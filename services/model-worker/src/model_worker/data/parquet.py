"""Parquet reader: whole columns if they are clean, otherwise rows as text."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from model_worker.data.cells import are_all_right
from model_worker.data.columns import Coded, Columns, Floats, Rows, is_too_diverse
from model_worker.data.data_file import DataFile
from model_worker.data.table import ROWS_AT_ONCE, missing_columns, no_rows
from model_worker.study.definition import Study
from model_worker.study.faults import InvalidInput
from tracestore.manifest import Fault


@dataclass(frozen=True)
class ParquetData:
    """Columns of a Parquet file that a study uses; a row's line is its number, counted from 1."""

    study: Study
    data: DataFile

    def read_clean(self) -> Columns | None:
        """Read all rows at once, or return None if a cell is invalid for its column.

        Raises
        ------
        InvalidInput
            If the file is not Parquet, has no rows, lacks a column that the study names, or has values
            in such a column that are neither numbers nor text.
        """
        toml = self.study.toml
        texts = {toml.unit.column, toml.period.column, toml.unit.label or toml.unit.column}
        if texts & set(self.study.numbers):
            return None
        types = {field.name: field.type for field in self._file.schema_arrow}
        if not all(_is_text(types[name]) or pa.types.is_integer(types[name]) for name in texts):
            return None
        if not all(_is_number(types[name]) for name in self.study.numbers):
            return None
        numbers, coded = {}, {}
        # Reading column by column avoids a whole table in memory beside the converted columns.
        for name in self.study.numbers:
            column = self._read(name)
            if column.null_count:
                return None
            numbers[name] = _to_floats(column)
        if not are_all_right(self.study, numbers):
            return None
        for name in texts:
            column = self._read(name)
            if column.null_count:
                return None
            coded[name] = _code_array(_encode(column))
            if is_too_diverse(len(coded[name].names), len(coded[name].codes)):
                return None
        unit = coded[toml.unit.column]
        label = coded.get(toml.unit.label or "", unit)
        return Columns(unit, coded[toml.period.column], label, numbers, toml.period.form)

    def read_rows(self) -> Iterator[Rows]:
        """Yield the rows as text, in batches; a null is an empty text.

        Raises
        ------
        InvalidInput
            As in `read_clean`.
        """
        line = 1
        try:
            for batch in self._file.iter_batches(ROWS_AT_ONCE, columns=list(self.study.columns)):
                cells = {
                    name: [(text or "").strip() for text in batch.column(name).cast(pa.string()).to_pylist()]
                    for name in self.study.columns
                }
                yield Rows(range(line, line + batch.num_rows), cells)
                line += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InvalidInput([self._unreadable(error)]) from None

    @cached_property
    def _file(self) -> pq.ParquetFile:
        coded = [self.study.toml.unit.column, self.study.toml.unit.label or self.study.toml.unit.column]
        try:
            file = pq.ParquetFile(pa.BufferReader(self.data.content), read_dictionary=coded)
        except (pa.ArrowException, OSError) as error:
            raise InvalidInput([self._unreadable(error)]) from None
        faults = list(self._faults(file))
        if faults:
            raise InvalidInput(faults)
        return file

    def _read(self, column: str) -> pa.ChunkedArray:
        try:
            return self._file.read(columns=[column]).column(0)
        except (pa.ArrowException, OSError) as error:
            raise InvalidInput([self._unreadable(error)]) from None

    def _faults(self, file: pq.ParquetFile) -> Iterator[Fault]:
        name, schema = self.data.name, file.schema_arrow
        repeated = [column for column, times in Counter(schema.names).items() if times > 1]
        for column in repeated:
            yield Fault(
                kind="repeated_column",
                file=name,
                column=column,
                expected="every column's name once",
                found=f'"{column}" {schema.names.count(column)} times',
                advice="Rename or delete one of the columns.",
            )
        if not repeated:
            if not file.metadata.num_rows:
                yield no_rows(name, header=True)
            else:
                yield from missing_columns(self.study, name, schema.names)
        for column in set(self.study.columns) & set(schema.names) - set(repeated):
            if pa.types.is_nested(schema.field(column).type):
                yield Fault(
                    kind="nested_values",
                    file=name,
                    column=column,
                    expected="a column of numbers or text",
                    found=f"values of the type {schema.field(column).type}",
                    advice="Take what is needed out of the values into columns of their own.",
                )

    def _unreadable(self, error: Exception) -> Fault:
        return Fault(
            kind="not_parquet",
            file=self.data.name,
            expected="a Parquet file, as its extension says",
            found=" ".join(str(error).split())[:200] or type(error).__name__,
            advice="Write the file again.",
        )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _encode(column: pa.ChunkedArray) -> pa.ChunkedArray:
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return coded.cast(pa.dictionary(pa.int32(), coded.type.value_type))


def _code_array(column: pa.ChunkedArray) -> Coded:
    """Build a coded column from a column of Arrow's dictionary type without nulls."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.unify_dictionaries().chunk(0)
    return Coded.of((str(value) for value in whole.dictionary.to_pylist()), whole.indices.to_numpy())


def _to_floats(column: pa.ChunkedArray) -> Floats:
    # Integers beyond 2**53 lose digits, as they do when read from a CSV.
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return values
