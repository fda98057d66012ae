"""Checks of the cells in a panel's columns, and the faults of invalid cells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, count

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
from numpy.typing import NDArray

from model_worker.data.columns import Floats, Rows
from model_worker.data.fault_collector import FaultCollector
from model_worker.study.definition import Study
from model_worker.study.periods import EXAMPLES, number_period
from model_worker.study.read_options import ReadOptions
from tracestore.manifest import Fault

LARGEST = 1e100
"""Largest valid magnitude; squares of differences could overflow beyond this value."""
NOT_FINITE = {"nan", "inf", "infinity", "na", "n/a", "null", "none", "#n/a", "-inf", "+inf", "-infinity"}

_OF_INTEGERS = (
    "Number the periods so that neighbours differ by 1, or say in study.toml that they are of a calendar:"
    ' period = { ..., form = "month" }, or "quarter" or "date".'
)
_OF_A_CALENDAR = "Correct it, or say in study.toml how periods are written: the key form of period."

Words = Callable[[str], str]


def are_all_right(study: Study, numbers: Mapping[str, Floats]) -> bool:
    """Return True if every number is valid in its column."""
    # A NaN makes the extremes NaN, and comparisons with NaN are false.
    return all(
        bool(values.min() >= -LARGEST and values.max() <= LARGEST)
        and not (column in study.logged and values.min() <= 0)
        for column, values in numbers.items()
    )


@dataclass(frozen=True)
class CellCheck:
    """Checker of the cells in a study's rows, batch by batch, which collects the faults."""

    study: Study
    file: str
    collector: FaultCollector

    def check(self, rows: Rows) -> dict[str, Floats]:
        """Check a batch of rows.

        Returns
        -------
        dict
            Numbers by column, with 1 in place of cells that are not valid numbers.
        """
        toml = self.study.toml
        self._empty(rows, toml.unit.column)
        self._periods(rows, toml.period.column)
        return {column: self._numbers(rows, column) for column in self.study.numbers}

    def _empty(self, rows: Rows, column: str) -> None:
        cells = rows.cells[column]
        if "" in cells:
            self._tell(
                "empty_cell",
                rows,
                column,
                [not cell for cell in cells],
                expected="a value",
                found=lambda _: "an empty cell",
                advice="Fill it in, or delete the row: a panel may have gaps.",
            )

    def _periods(self, rows: Rows, column: str) -> None:
        self._empty(rows, column)
        form = self.study.toml.period.form
        cells = rows.cells[column]
        wrong = {cell for cell in set(cells) if cell and number_period(cell, form) is None}
        if wrong:
            self._tell(
                "not_an_integer" if form == "integer" else f"not_a_{form}",
                rows,
                column,
                [cell in wrong for cell in cells],
                expected=EXAMPLES[form],
                found=_quoted,
                advice=_OF_INTEGERS if form == "integer" else _OF_A_CALENDAR,
            )

    def _numbers(self, rows: Rows, column: str) -> Floats:
        values = _convert(rows.cells[column], self.study.toml.read)
        if values is None:
            values = self._convert_one_by_one(rows, column)
        if column in self.study.logged:
            self._tell(
                "not_positive",
                rows,
                column,
                values <= 0,
                expected="a number above zero, for its logarithm is taken",
                found=str,
                advice='Correct it, or set transform = "identity" in study.toml.',
            )
        return values

    def _convert_one_by_one(self, rows: Rows, column: str) -> Floats:
        cells = rows.cells[column]
        self._empty(rows, column)
        read = self.study.toml.read
        plain = [read.plain(cell) for cell in cells]
        right = [cell is not None for cell in plain]
        values = np.array([1.0 if cell is None else float(cell) for cell in plain], dtype=np.float64)
        unknown = [cell.lower() in NOT_FINITE for cell in cells]
        overflow = np.abs(values) > LARGEST
        self._tell(
            "not_a_number",
            rows,
            column,
            [
                bool(cell) and not good and not absent
                for cell, good, absent in zip(cells, right, unknown, strict=True)
            ],
            expected=f"a number with a decimal {read.decimal_name}, as in {read.example}",
            found=_quoted,
            advice="Remove units and signs of currency, or say in the table [read] of study.toml how numbers"
            " are written: decimal, thousands.",
        )
        self._tell(
            "not_finite",
            rows,
            column,
            unknown | overflow,
            expected=f"a number between -{LARGEST:g} and {LARGEST:g}",
            found=_quoted,
            advice="Correct it, or delete the row: a panel may have gaps.",
        )
        # Large negative numbers stay, so that a logged column also reports them as not positive.
        return np.where(overflow & (values > 0), 1.0, values)

    def _tell(
        self,
        kind: str,
        rows: Rows,
        column: str,
        wrong: Sequence[bool] | NDArray[np.bool_],
        *,
        expected: str,
        found: Words,
        advice: str,
    ) -> None:
        toml = self.study.toml

        def describe(row: int) -> Fault:
            value = rows.cells[column][row]
            return Fault(
                kind=kind,
                file=self.file,
                line=rows.lines[row],
                column=column,
                unit=rows.cells[toml.unit.column][row] or None,
                period=rows.cells[toml.period.column][row] or None,
                value=value[:100],
                expected=expected,
                found=found(value),
                advice=advice,
            )

        self.collector.count((kind, column), list(compress(count(), wrong)), describe)


def _convert(cells: Sequence[str], read: ReadOptions) -> Floats | None:
    """Return all cells as numbers, or None unless Arrow reads every cell as a finite number."""
    if not read.is_plain:
        return None
    try:
        values: Floats = pa.array(cells, pa.string()).cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    # The comparison is also false for NaN.
    return values if bool((np.abs(values) <= LARGEST).all()) else None


def _quoted(value: str) -> str:
    return f'"{value}"'
