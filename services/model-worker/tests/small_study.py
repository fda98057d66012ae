"""A small study that tests write, spoil and fit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).parents[3]

STUDY = """\
title = "A study"
file = "data.csv"
unit = { column = "state", label = "name", noun = "state" }
period = { column = "year", noun = "year" }
outcome = { column = "sales", label = "Sales", units = "packs", transform = "log" }
treatment = { column = "tax", label = "Tax", units = "US$", transform = "log" }
controls = []

[what_if]
change = { kind = "percent", default = 1, min = -50, max = 100 }
sign = "saving"
"""


def make_rows(units: int = 6, periods: int = 8, seed: int = 1) -> list[str]:
    """Simulate a panel with a slope of -0.5, a control without effect, header first."""
    rng = np.random.default_rng(seed)
    unit, period = rng.normal(size=units), rng.normal(size=periods)
    rows = ["state,name,year,sales,tax,income"]
    for i in range(units):
        for t in range(periods):
            tax, income = np.exp(rng.normal()), rng.normal()
            sales = np.exp(3 + unit[i] + period[t] - 0.5 * np.log(tax) + 0.1 * rng.normal())
            rows.append(f"U{i},Unit {i},{2000 + t},{sales:.6f},{tax:.6f},{income:.6f}")
    return rows


@dataclass
class StudyFolder:
    """A study's folder on disk that a test may spoil."""

    path: Path
    rows: list[str] = field(default_factory=make_rows)
    text: str = STUDY

    def write(self) -> Path:
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "data.csv").write_text("\n".join(self.rows) + "\n")
        (self.path / "study.toml").write_text(self.text)
        return self.path

    def set_cell(self, line: int, column: str, value: str) -> None:
        """Put a value into a cell, by the line an editor shows and the column's name."""
        cells = self.rows[line - 1].split(",")
        cells[self.rows[0].split(",").index(column)] = value
        self.rows[line - 1] = ",".join(cells)

    def fill(self, column: str, value: Callable[[int, int], float]) -> None:
        """Put `value(unit, period)`, both counted from 0, into a column of rows that are all there."""
        for line in range(2, len(self.rows) + 1):
            self.set_cell(line, column, str(value(*divmod(line - 2, 8))))
