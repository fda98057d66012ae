"""Consistency of a panel's rows: repeated cells, two labels of one unit, a single unit or period."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from model_worker.data.columns import FEW_TEXTS, ROWS_A_TEXT, Coded, Columns, Integers
from model_worker.data.fault_collector import FaultCollector
from model_worker.study.definition import Study
from tracestore.manifest import Fault

_CELLS_PER_ROW = 16
"""Cells are marked, one byte each, if there are at most this many per row; otherwise rows are sorted."""

_ROWS_AT_ONCE = 100_000


def hang_together(columns: Columns) -> bool:
    """Return True if the rows are consistent; requires that no unit or period is empty."""
    return (
        len(columns.unit.names) > 1
        and len(columns.period.names) > 1
        and not any(_repeated_cells(columns))
        and (columns.label is columns.unit or not any(_other_labels(columns, first_labelled(columns))))
    )


@dataclass(frozen=True)
class RowCheck:
    """Checker of a study's rows against each other, which collects the faults."""

    study: Study
    file: str
    columns: Columns
    lines: Integers
    collector: FaultCollector

    def check(self) -> None:
        """Check all rows."""
        toml = self.study.toml
        self._repeated()
        self._labels()
        self._single(self.columns.unit, toml.unit.column, toml.unit.noun, "unit")
        self._single(self.columns.period, toml.period.column, toml.period.noun, "period")

    def _repeated(self) -> None:
        columns, column = self.columns, self.study.toml.period.column

        def describe(row: int) -> Fault:
            earlier = self.lines[_first_of_cell(columns, row)]
            return self._fault(
                "repeated_row",
                row,
                column,
                columns.period.text(row),
                expected="one row for each unit and period",
                found=f"the unit and period of line {earlier} again",
                advice="Delete one of the two rows.",
            )

        for again in _repeated_cells(columns):
            self.collector.count(("repeated_row", column), again, describe)

    def _labels(self) -> None:
        columns, label = self.columns, self.columns.label
        column = self.study.toml.unit.label or self.study.toml.unit.column
        if label is columns.unit:
            return
        first = first_labelled(columns)

        def describe(row: int) -> Fault:
            earlier = int(first[columns.unit.codes[row]])
            return self._fault(
                "label_conflict",
                row,
                column,
                label.text(row),
                expected=f'the label "{label.text(earlier)}", as in line {self.lines[earlier]}',
                found=f'"{label.text(row)}"',
                advice="Give a unit one label in all its rows.",
            )

        for other in _other_labels(columns, first):
            self.collector.count(("label_conflict", column), other, describe)

    def _single(self, column: Coded, name: str, noun: str, kind: str) -> None:
        values = [value for value in column.names if value]
        if len(values) != 1:
            return
        fault = Fault(
            kind=f"one_{kind}",
            file=self.file,
            column=name,
            value=values[0][:100],
            expected=f"at least two {kind}s",
            found=f'the {noun} "{values[0]}" alone',
            advice=f"Effects of unit and period cannot be told apart: add rows of another {noun}.",
        )
        self.collector.add([fault])

    def _fault(
        self, kind: str, row: int, column: str, value: str, *, expected: str, found: str, advice: str
    ) -> Fault:
        return Fault(
            kind=kind,
            file=self.file,
            line=int(self.lines[row]),
            column=column,
            unit=self.columns.unit.text(row) or None,
            period=self.columns.period.text(row) or None,
            value=value[:100],
            expected=expected,
            found=found,
            advice=advice,
        )


def too_many_texts(study: Study, file: str, column: str, rows: int) -> Fault:
    """Return the fault of a unit, label or period column with a different text in nearly every row."""
    kind = "too_many_periods" if column == study.toml.period.column else "too_many_values"
    return Fault(
        kind=kind,
        file=file,
        column=column,
        expected=f"at most {FEW_TEXTS:,} different texts, or {ROWS_A_TEXT} rows for each",
        found=f"more than {FEW_TEXTS:,} in the first {rows:,} rows; no further row was read",
        advice="See that study.toml names the right column, or aggregate the data.",
    )


def _runs(count: int) -> Iterator[slice]:
    # Intermediate results take several times the memory of the rows, so rows are processed in batches.
    return (slice(start, start + _ROWS_AT_ONCE) for start in range(0, count, _ROWS_AT_ONCE))


def _keys(columns: Columns, canonical: Integers, run: slice) -> Integers:
    """Return the cell number of each row; different texts of the same period share a cell."""
    units = columns.unit.codes[run].astype(np.int64)
    keys: Integers = units * len(columns.period.names) + canonical[columns.period.codes[run]]
    return keys


def _repeated_cells(columns: Columns) -> Iterator[list[int]]:
    """Yield by batch the rows that repeat an earlier unit and period; rows with either empty are skipped."""
    count, canonical = len(columns.unit.codes), _canonical(columns)
    cells = len(columns.unit.names) * len(columns.period.names)
    if cells > _CELLS_PER_ROW * count:
        keys = np.concatenate([_keys(columns, canonical, run) for run in _runs(count)])
        order = np.argsort(keys, kind="stable")
        again = order[1:][keys[order[1:]] == keys[order[:-1]]]
        again.sort()
        yield [int(row) for row in again[columns.unit.given(again) & columns.period.given(again)]]
        return
    seen = np.zeros(cells, dtype=bool)
    for run in _runs(count):
        keys = _keys(columns, canonical, run)
        _, first = np.unique(keys, return_index=True)
        again = np.ones(len(keys), dtype=bool)
        again[first] = seen[keys[first]]
        seen[keys] = True
        again &= columns.unit.given(run) & columns.period.given(run)
        yield (run.start + np.flatnonzero(again)).tolist()


def _first_of_cell(columns: Columns, row: int) -> int:
    canonical = _canonical(columns)
    (key,) = _keys(columns, canonical, slice(row, row + 1))
    for run in _runs(row + 1):
        found = np.flatnonzero(_keys(columns, canonical, run) == key)
        if found.size:
            return int(run.start + found[0])
    raise AssertionError("a row has its own cell")


def _canonical(columns: Columns) -> Integers:
    first: dict[int | str, int] = {}
    values = zip(columns.period.names, columns.period_numbers, strict=True)
    return np.array(
        [
            first.setdefault(name if value is None else value, place)
            for place, (name, value) in enumerate(values)
        ],
        dtype=np.int64,
    )


def first_labelled(columns: Columns) -> Integers:
    """Return the first labeled row of each unit, or -1 for a unit without a label."""
    first = np.full(len(columns.unit.names), -1, dtype=np.int64)
    for run in _runs(len(columns.unit.codes)):
        rows = run.start + np.flatnonzero(columns.unit.given(run) & columns.label.given(run))
        units, places = np.unique(columns.unit.codes[rows], return_index=True)
        new = first[units] < 0
        first[units[new]] = rows[places[new]]
    return first


def _other_labels(columns: Columns, first: Integers) -> Iterator[list[int]]:
    """Yield by batch the rows whose label differs from the unit's first label; empty labels are skipped."""
    unit, label = columns.unit, columns.label
    for run in _runs(len(unit.codes)):
        given = unit.given(run) & label.given(run)
        other = given & (label.codes[run] != label.codes[first[unit.codes[run]]])
        yield (run.start + np.flatnonzero(other)).tolist()
