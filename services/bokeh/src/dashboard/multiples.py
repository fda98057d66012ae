"""Small multiples: the outcome of every unit over time, each on a scale of its own, in one plot."""

import math
from collections.abc import Sequence

import numpy as np
from bokeh.models import MultiLine, Rect

from dashboard.copies import PagePart
from dashboard.estimands import Floats
from dashboard.labels import shorten
from dashboard.plots import Easel
from dashboard.theme import CHOSEN, GRID, INK, TEXT
from dashboard.tiles import COLUMNS
from dashboard.unit_marks import draw_units, let_choose, name_units, patch_columns, plot_cells
from dashboard.versions import LoadedVersion
from tracestore.manifest import Unit

UNITS_MAX = 120
SHORT = 14
"""Letters of a name that a cell has place for."""

GRID_COLUMNS = 8
CELL_HEIGHT = 62
FILL = 0.86
"""Part of a cell that its line may take, in either direction."""

LABEL_SHARE = 0.28
"""Part of a cell, at its top, that the unit's name has."""


class Multiples(PagePart):
    """A cell for each unit with its name and its line; a tap chooses the unit."""

    def __init__(
        self, easel: Easel, version: LoadedVersion, tiles: tuple[tuple[int, int], ...] | None, chosen: str
    ) -> None:
        self._chosen: str | None = None
        units = choose_drawn(version.manifest.units, chosen)
        columns = COLUMNS if tiles else min(GRID_COLUMNS, len(units))
        cells = tiles or tuple((place % columns, place // columns) for place in range(len(units)))
        rows = 1 + max(row for _, row in cells)
        self.plot = plot_cells(easel, "multiples", columns, rows, margin=0.02, height=rows * CELL_HEIGHT)
        lines = [
            fit_cell(version.series_of(unit.id).outcome, at) for unit, at in zip(units, cells, strict=True)
        ]
        self.source = easel.source(
            "multiples-data",
            id=[unit.id for unit in units],
            short=[unit.id if tiles else shorten(unit.label, SHORT) for unit in units],
            label=[unit.label for unit in units],
            x=[column for column, _ in cells],
            y=[row for _, row in cells],
            top=[row - 0.46 for _, row in cells],
            xs=[x for x, _ in lines],
            ys=[y for _, y in lines],
            frame=[GRID] * len(units),
            weight=[1.0] * len(units),
        )
        box = Rect(
            x="x",
            y="y",
            width=0.96,
            height=0.96,
            fill_color=GRID,
            fill_alpha=0.25,
            line_color="frame",
            line_width="weight",
        )
        line = MultiLine(xs="xs", ys="ys", line_color=INK, line_width=1.5)
        name = name_units("short", y="top", baseline="top", size="11px", color=TEXT)
        let_choose(self.plot, draw_units(easel, self.plot, self.source, box), "label")
        for glyph in (line, name):
            draw_units(easel, self.plot, self.source, glyph)

    def holds(self, unit: str) -> bool:
        """Return whether a unit is among those that are drawn."""
        return unit in self.source.data["id"]

    def mark(self, chosen: str) -> None:
        """Mark the chosen unit."""
        if chosen == self._chosen:
            return
        self._chosen = chosen
        marked = [unit == chosen for unit in self.source.data["id"]]
        frames = [CHOSEN if mark else GRID for mark in marked]
        patch_columns(self.source, {"frame": frames, "weight": [2.5 if mark else 1.0 for mark in marked]})


def fit_cell(values: Floats, cell: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return columns and rows by period that fit a series into a cell, NaN where it was not observed."""
    column, row = cell
    known = values[np.isfinite(values)]
    low, high = (known.min(), known.max()) if known.size else (0.0, 1.0)
    x = column + FILL * (np.linspace(-0.5, 0.5, values.size) if values.size > 1 else np.zeros(values.size))
    return x, row + FILL / 2 - (FILL - LABEL_SHARE) * (values - low) / (high - low or math.inf)


def choose_drawn(units: Sequence[Unit], chosen: str) -> Sequence[Unit]:
    """Return the units that are drawn: all, or of too many the first and the chosen one."""
    if len(units) <= UNITS_MAX:
        return units
    first = units[:UNITS_MAX]
    if chosen in {unit.id for unit in first}:
        return first
    return (*first[:-1], *(unit for unit in units if unit.id == chosen))
