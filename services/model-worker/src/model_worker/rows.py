"""What is wrong between the rows of a panel: two of one cell, two labels of one unit, one unit alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_worker.columns import Coded, Columns, Integers
from model_worker.study import Study
from model_worker.tally import Tally
from tracestore.manifest import Fault

_CELLS_PER_ROW = 4
"""Cells are counted where there are at most so many for a row; else keys are sorted."""


def hang_together(columns: Columns) -> bool:
    """Say whether nothing is wrong between the rows; no unit or period may be empty."""
    return (
        len(columns.unit.names) > 1
        and len(columns.period.names) > 1
        and not _any_twice(_keys(columns), len(columns.unit.names) * len(columns.period.names))
        and not _other_labels(columns)[0].size
    )


@dataclass(frozen=True)
class RowCheck:
    """Checks a study's rows against each other, and tells a tally what is wrong."""

    study: Study
    file: str
    columns: Columns
    lines: Integers
    tally: Tally

    def check(self) -> None:
        """Check all rows."""
        toml = self.study.toml
        self._repeated()
        self._labels()
        self._single(self.columns.unit, toml.unit.column, toml.unit.noun, "unit")
        self._single(self.columns.period, toml.period.column, toml.period.noun, "period")

    def _repeated(self) -> None:
        unit, period = self.columns.unit, self.columns.period
        given = np.flatnonzero(~(unit.where("") | period.where("")))
        keys = _keys(self.columns)[given]
        if not _any_twice(keys, len(unit.names) * len(period.names)):
            return
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        again = np.flatnonzero(first[which] != np.arange(len(keys)))
        before = given[first[which[again]]]
        column = self.study.toml.period.column

        def describe(pair: tuple[int, int]) -> Fault:
            row, earlier = pair
            return self._fault(
                "repeated_row",
                row,
                column,
                period.text(row),
                expected="one row for each unit and period",
                found=f"the unit and period of line {self.lines[earlier]} again",
                advice="Delete one of the two rows.",
            )

        pairs = list(zip(given[again].tolist(), before.tolist(), strict=True))
        self.tally.count(("repeated_row", column), pairs, describe)

    def _labels(self) -> None:
        rows, first = _other_labels(self.columns)
        label = self.columns.label
        column = self.study.toml.unit.label or self.study.toml.unit.column

        def describe(pair: tuple[int, int]) -> Fault:
            row, earlier = pair
            return self._fault(
                "label_conflict",
                row,
                column,
                label.text(row),
                expected=f'the label "{label.text(earlier)}", as in line {self.lines[earlier]}',
                found=f'"{label.text(row)}"',
                advice="Give a unit one label in all its rows.",
            )

        pairs = list(zip(rows.tolist(), first.tolist(), strict=True))
        self.tally.count(("label_conflict", column), pairs, describe)

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
        self.tally.add([fault])

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


def _keys(columns: Columns) -> Integers:
    """Give the number of each row's cell; texts of the same period are one."""
    periods = columns.period
    canonical = _canonical(columns)[periods.codes]
    keys: Integers = columns.unit.codes.astype(np.int64) * len(periods.names) + canonical
    return keys


def _canonical(columns: Columns) -> NDArray[np.int64]:
    first: dict[int | str, int] = {}
    values = zip(columns.period.names, columns.period_numbers, strict=True)
    return np.array(
        [
            first.setdefault(name if value is None else value, place)
            for place, (name, value) in enumerate(values)
        ],
        dtype=np.int64,
    )


def _any_twice(keys: Integers, cells: int) -> bool:
    if cells <= _CELLS_PER_ROW * len(keys):
        return bool(np.bincount(keys, minlength=1).max() > 1)
    ordered = np.sort(keys)
    return bool((ordered[1:] == ordered[:-1]).any())


def _other_labels(columns: Columns) -> tuple[Integers, Integers]:
    """Find the rows whose unit had another label before, and the row of its first; empty ones have none."""
    unit, label = columns.unit, columns.label
    if label is unit:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    given = np.flatnonzero(~(unit.where("") | label.where("")))
    units, labels = unit.codes[given], label.codes[given]
    first = np.zeros(len(unit.names), dtype=np.int64)
    first[units[::-1]] = given[::-1]
    other = labels != label.codes[first[units]]
    return given[other], first[units[other]]
