"""What the cells of a panel's columns may hold, and the faults of those that hold something else."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracestore.manifest import Fault

Text = pd.Series
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
INTEGER = r"[+-]?\d{1,15}"
LARGEST = 1e100
"""Beyond it, squares of differences could overflow."""
NOT_FINITE = {"nan", "inf", "infinity", "na", "n/a", "null", "none", "#n/a", "-inf", "+inf", "-infinity"}


@dataclass(frozen=True)
class Place:
    """Where the cells stand: the file, and the unit and period columns, indexed by line."""

    file: str
    unit: Text
    period: Text

    def fault(self, kind: str, line: int, column: Text, *, expected: str, found: str, advice: str) -> Fault:
        """Make the fault of one cell."""
        value = str(column.loc[line])
        return Fault(
            kind=kind,
            file=self.file,
            line=line,
            column=str(column.name),
            unit=str(self.unit.loc[line]) or None,
            period=str(self.period.loc[line]) or None,
            value=value[:100],
            expected=expected,
            found=found,
            advice=advice,
        )


def empty(column: Text, place: Place) -> list[Fault]:
    """Find the empty cells of a column that has to be filled."""
    return [
        place.fault(
            "empty_cell",
            line,
            column,
            expected="a value",
            found="an empty cell",
            advice="Fill it in, or delete the row: a panel may have gaps.",
        )
        for line in column.index[column == ""]
    ]


def read_integers(column: Text, place: Place) -> tuple[NDArray[np.int64], list[Fault]]:
    """Read a column of whole numbers.

    Returns
    -------
    tuple
        The numbers, 0 where there is a fault, and the faults.
    """
    right = column.str.fullmatch(INTEGER)
    faults = empty(column, place)
    faults += [
        place.fault(
            "not_an_integer",
            line,
            column,
            expected="a whole number, as in 2005",
            found=f'"{column.loc[line]}"',
            advice="Number the periods so that neighbours differ by 1.",
        )
        for line in column.index[~right & (column != "")]
    ]
    return column.where(right, "0").to_numpy(dtype=str).astype(np.int64), faults


def read_numbers(column: Text, place: Place, *, positive: bool) -> tuple[NDArray[np.float64], list[Fault]]:
    """Read a column of finite numbers, above zero where they will be logged.

    Returns
    -------
    tuple
        The numbers, 1 where there is a fault, and the faults.
    """
    right = column.str.fullmatch(NUMBER)
    unknown = column.str.lower().isin(NOT_FINITE)
    numbers = column.where(right, "1").to_numpy(dtype=str).astype(np.float64)
    overflow = right & (np.abs(numbers) > LARGEST)
    faults = empty(column, place)
    faults += [
        place.fault(
            "not_a_number",
            line,
            column,
            expected="a number with a decimal point, as in 1.25",
            found=f'"{column.loc[line]}"',
            advice="Remove thousands separators, units and signs of currency.",
        )
        for line in column.index[~right & ~unknown & (column != "")]
    ]
    faults += [
        place.fault(
            "not_finite",
            line,
            column,
            expected=f"a number between -{LARGEST:g} and {LARGEST:g}",
            found=f'"{column.loc[line]}"',
            advice="Correct it, or delete the row: a panel may have gaps.",
        )
        for line in column.index[unknown | overflow]
    ]
    if positive:
        faults += [
            place.fault(
                "not_positive",
                line,
                column,
                expected="a number above zero, for its logarithm is taken",
                found=str(column.loc[line]),
                advice='Correct it, or set transform = "identity" in study.toml.',
            )
            for line in column.index[right & (numbers <= 0)]
        ]
    return np.where(overflow, 1.0, numbers), faults


def repeated_rows(place: Place) -> list[Fault]:
    """Find the rows whose unit and period an earlier row has; each fault names both lines."""
    keys = pd.DataFrame({"unit": place.unit, "period": place.period})
    keys = keys[(place.unit != "") & (place.period != "")]
    whole = keys["period"].str.fullmatch(INTEGER)
    keys.loc[whole, "period"] = keys.loc[whole, "period"].astype(np.int64).astype(str)
    repeated = keys.duplicated()
    if not repeated.any():
        return []
    kept = keys[~repeated]
    first = dict(zip(zip(kept["unit"], kept["period"], strict=True), kept.index, strict=True))
    return [
        place.fault(
            "repeated_row",
            line,
            place.period,
            expected="one row for each unit and period",
            found=f"the unit and period of line {first[*key]} again",
            advice="Delete one of the two rows.",
        )
        for line, *key in keys[repeated].itertuples(name=None)
    ]


def label_conflicts(labels: Text, place: Place) -> list[Fault]:
    """Find the rows whose unit had another label in an earlier row; empty labels are passed over."""
    given = pd.DataFrame({"unit": place.unit, "label": labels})[(labels != "") & (place.unit != "")]
    first = given.drop_duplicates("unit").reset_index().set_index("unit")
    before, lines = given["unit"].map(first["label"]), given["unit"].map(first["line"])
    return [
        place.fault(
            "label_conflict",
            line,
            labels,
            expected=f'the label "{before.loc[line]}", as in line {lines.loc[line]}',
            found=f'"{given.loc[line, "label"]}"',
            advice="Give a unit one label in all its rows.",
        )
        for line in given.index[before != given["label"]]
    ]


def single(column: Text, place: Place, noun: str, kind: str) -> list[Fault]:
    """Find a column that has one value only where a panel needs two."""
    values = column[column != ""].unique()
    if len(values) != 1:
        return []
    return [
        Fault(
            kind=f"one_{kind}",
            file=place.file,
            column=str(column.name),
            value=str(values[0])[:100],
            expected=f"at least two {kind}s",
            found=f'the {noun} "{values[0]}" alone',
            advice=f"Effects of unit and period cannot be told apart: add rows of another {noun}.",
        )
    ]
