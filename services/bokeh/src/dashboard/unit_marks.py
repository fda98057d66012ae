"""Parts of every figure of all units: its cells, their names, and the tap that chooses a unit."""

from collections.abc import Callable
from typing import Any

from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, HoverTool, Plot, Range1d, TapTool, Text
from bokeh.models.glyph import Glyph
from bokeh.models.renderers import GlyphRenderer

from dashboard.copies import PagePart
from dashboard.plots import Easel


def plot_cells(easel: Easel, name: str, columns: int, rows: int, *, margin: float, height: int) -> Plot:
    """Make an empty plot of a grid of cells with whole numbers for centers, the first row at the top."""
    x = Range1d(start=-0.5 - margin, end=columns - 0.5 + margin)
    y = Range1d(start=rows - 0.5 + margin, end=-0.5 - margin)
    return easel.plot(name, x=x, y=y, height=height, min_border_left=0, min_border_right=0)


def draw_units(easel: Easel, plot: Plot, source: ColumnDataSource, glyph: Glyph) -> "GlyphRenderer[Glyph]":
    """Draw a glyph for each unit, which looks the same before and after a tap."""
    return easel.draw(plot, source, glyph, selection_glyph=glyph, nonselection_glyph=glyph)


def name_units(column: str, *, y: str, baseline: str, size: str, color: str) -> Text:
    """Make the glyph that writes `column` at each unit's x and at the column `y`."""
    return Text(
        x="x",
        y=y,
        text=column,
        text_align="center",
        text_baseline=baseline,
        text_font=value("system-ui, sans-serif"),
        text_font_size=size,
        text_color=color,
    )


def let_choose(plot: Plot, renderer: "GlyphRenderer[Glyph]", *told: str) -> None:
    """Make what a renderer draws choose a unit when tapped, and show the columns `told` over it."""
    tooltips = [("", f"@{column}") for column in told]
    plot.add_tools(
        HoverTool(renderers=[renderer], tooltips=tooltips, visible=False),
        TapTool(renderers=[renderer], visible=False),
    )


def patch_columns(source: ColumnDataSource, columns: dict[str, list[Any]]) -> None:
    """Replace some columns of a source, so that no others are sent."""
    source.patch({name: [(slice(0, len(values)), values)] for name, values in columns.items()})


class Tap(PagePart):
    """Calls `choose` with the unit of a source that is tapped."""

    def __init__(self, source: ColumnDataSource, choose: Callable[[str], None]) -> None:
        self._source, self._choose = source, choose
        source.selected.on_change("indices", self._follow)

    def _follow(self, _attribute: str, _old: Any, new: list[int]) -> None:
        if new:
            unit = str(self._source.data["id"][new[0]])
            self._source.selected.indices = []
            self._choose(unit)
