"""All units at once: a map of tiles where they are states, otherwise ranked dots with their intervals."""

from typing import Any

import numpy as np
from bokeh.models import FixedTicker, LinearColorMapper, Plot, Range1d, Rect, Scatter, Segment
from bokeh.models.annotations import Span
from numpy.typing import NDArray

from dashboard.copies import PagePart
from dashboard.labels import shorten
from dashboard.measure import Measure
from dashboard.plots import Easel, write_ticks
from dashboard.theme import CHOSEN, DIVERGING, GRID, INK, MUTED, TILE_LINE, TILE_TEXT
from dashboard.tiles import COLUMNS, ROWS
from dashboard.unit_marks import draw_units, let_choose, name_units, patch_columns, plot_cells
from dashboard.versions import LoadedVersion

TILE_HEIGHT = 400
ROW_HEIGHT, FRAME_HEIGHT = 19, 60
RANKED_MAX = 60
"""Units that a ranking shows, half of them from either end where there are more."""


class TileMap(PagePart):
    """States as tiles, colored by the effect, hatched where its interval holds zero."""

    def __init__(self, easel: Easel, version: LoadedVersion, tiles: tuple[tuple[int, int], ...]) -> None:
        self._measure: Measure | None = None
        self._colors = LinearColorMapper(palette=list(DIVERGING), low=-1, high=1, nan_color=GRID)
        self.plot = plot_cells(easel, "units", COLUMNS, ROWS, margin=0.05, height=TILE_HEIGHT)
        units = version.manifest.units
        column, row = zip(*tiles, strict=True)
        self.source = easel.source(
            "units-data",
            id=[unit.id for unit in units],
            label=[unit.label for unit in units],
            x=list(column),
            y=list(row),
            value=[np.nan] * len(units),
            hatch=[" "] * len(units),
            line=[0] * len(units),
            told=[""] * len(units),
        )
        tile = Rect(
            x="x",
            y="y",
            width=0.94,
            height=0.94,
            fill_color={"field": "value", "transform": self._colors},
            line_color=CHOSEN,
            line_width="line",
            hatch_pattern="hatch",
            hatch_color=TILE_LINE,
            hatch_alpha=0.35,
            hatch_scale=7,
            hatch_weight=1,
        )
        let_choose(self.plot, draw_units(easel, self.plot, self.source, tile), "label", "told")
        letters = name_units("id", y="y", baseline="middle", size="13px", color=TILE_TEXT)
        draw_units(easel, self.plot, self.source, letters)

    def show(self, measure: Measure, chosen: str) -> None:
        """Color the tiles, on a scale that is even around zero, and mark the chosen unit."""
        reach = float(np.nanmax(np.abs(measure.mean), initial=0.0)) or 1.0
        self._colors.update(low=-reach, high=reach)
        lines = [3 if unit == chosen else 0 for unit in self.source.data["id"]]
        shown: dict[str, list[Any]] = {"line": lines}
        if measure is not self._measure:
            self._measure = measure
            shown |= {
                "value": measure.mean.tolist(),
                "hatch": ["/" if doubtful else " " for doubtful in measure.doubtful],
                "told": list(measure.told),
            }
        patch_columns(self.source, shown)


class Ranking(PagePart):
    """Units from the largest effect to the smallest, each a dot with its interval."""

    def __init__(self, easel: Easel, version: LoadedVersion) -> None:
        self._names = version.unit_names
        self._rows = Range1d(start=1, end=0)
        self.plot: Plot = easel.plot("units", y=self._rows)
        columns = ("id", "label", "y", "mean", "lower", "upper", "told", "color")
        self.source = easel.source("units-data", **{name: [] for name in columns})
        interval = Segment(x0="lower", x1="upper", y0="y", y1="y", line_color="color", line_width=2)
        dot = Scatter(x="mean", y="y", size=9, fill_color="color", line_color="color")
        self.plot.add_layout(Span(location=0, dimension="height", line_color=MUTED, line_dash="dashed"))
        draw_units(easel, self.plot, self.source, interval)
        let_choose(self.plot, draw_units(easel, self.plot, self.source, dot), "label", "told")
        self._effects = easel.axis(self.plot, "below")
        self._labels = easel.axis(self.plot, "left", grid=False)

    def show(self, measure: Measure, chosen: str) -> None:
        """Rank the units; of more than `RANKED_MAX` those at both ends and the chosen one."""
        write_ticks(self._effects, measure.number)
        ids, names = self._names.ids, self._names.labels
        order = thin_ranking(measure.rank(), ids.index(chosen))
        short = {row: shorten(names[place]) for row, place in enumerate(order)}
        self._labels.update(ticker=FixedTicker(ticks=list(short)), major_label_overrides=short)
        self._rows.update(start=order.size - 0.4, end=-0.6)
        self.plot.height = measure_height(order.size, mapped=False)
        self.source.data = {
            "id": [ids[place] for place in order],
            "label": [names[place] for place in order],
            "y": np.arange(order.size, dtype=np.float64),
            "mean": measure.mean[order],
            "lower": measure.lower[order],
            "upper": measure.upper[order],
            "told": [measure.told[place] for place in order],
            "color": [CHOSEN if ids[place] == chosen else INK for place in order],
        }


def measure_height(units: int, *, mapped: bool) -> int:
    """Return the pixels that the figure of so many units needs."""
    return TILE_HEIGHT if mapped else FRAME_HEIGHT + ROW_HEIGHT * min(units, RANKED_MAX)


def thin_ranking(order: NDArray[np.int64], chosen: int) -> NDArray[np.int64]:
    """Leave both ends of a ranking that is too long, and the chosen unit where it stands."""
    if order.size <= RANKED_MAX:
        return order
    kept = order == chosen
    kept[: RANKED_MAX // 2] = kept[-RANKED_MAX // 2 :] = True
    thinned: NDArray[np.int64] = order[kept]
    return thinned
