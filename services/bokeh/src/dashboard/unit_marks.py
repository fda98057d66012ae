"""What the figures of all units share: their names in them, and the tap that chooses one."""

from collections.abc import Callable
from typing import Any

from bokeh.core.properties import value
from bokeh.models import ColumnDataSource, HoverTool, Plot, TapTool, Text
from bokeh.models.glyph import Glyph
from bokeh.models.renderers import GlyphRenderer

from dashboard.copies import PagePart
from dashboard.plots import Easel


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
    """Have units tapped in what a renderer draws, and the columns `told` shown over each."""
    tooltips = [("", f"@{column}") for column in told]
    plot.add_tools(
        HoverTool(renderers=[renderer], tooltips=tooltips, visible=False),
        TapTool(renderers=[renderer], visible=False),
    )


class Tap(PagePart):
    """Calls `choose` with the unit that is tapped in what a source is drawn as."""

    def __init__(self, source: ColumnDataSource, choose: Callable[[str], None]) -> None:
        self._source, self._choose = source, choose
        source.selected.on_change("indices", self._follow)

    def _follow(self, _attribute: str, _old: Any, new: list[int]) -> None:
        if new:
            unit = str(self._source.data["id"][new[0]])
            self._source.selected.indices = []
            self._choose(unit)
