"""Plots from few models: what can be shared is, and glyphs have no variants that nothing shows.

A session is made of its models, and costs about what their number does. `bokeh.plotting` makes three
times as many for the same picture.
"""

from typing import Any, Literal

from bokeh.models import AllIndices, AllLabels, CDSView, ColumnDataSource, Plot, Toolbar, UnionRenderers
from bokeh.models.axes import LinearAxis
from bokeh.models.formatters import NumeralTickFormatter
from bokeh.models.glyph import Glyph
from bokeh.models.grids import Grid
from bokeh.models.ranges import DataRange1d, Range
from bokeh.models.renderers import GlyphRenderer
from bokeh.models.scales import LinearScale
from bokeh.models.tickers import BasicTicker

from dashboard.copies import PagePart
from dashboard.numerals import PLAIN, tick_format
from dashboard.theme import AXIS, GRID, TEXT
from tracestore.manifest import NumberFormat

HEIGHT = 260
TICKS = 5
"""Few enough for their labels to stand apart on a telephone."""


class Easel(PagePart):
    """The models that all plots of one document share."""

    def __init__(self) -> None:
        self._scale = LinearScale()
        self._everything = AllIndices()
        self._labels = AllLabels()
        self._policy = UnionRenderers()
        self.numbers = NumeralTickFormatter(format=tick_format(PLAIN))
        self.years = NumeralTickFormatter(format="0")

    def source(self, name: str | None = None, **columns: Any) -> ColumnDataSource:
        """Make a data source."""
        return ColumnDataSource(name=name, data=columns, selection_policy=self._policy)

    def plot(self, name: str, x: Range | None = None, y: Range | None = None, **options: Any) -> Plot:
        """Make an empty plot without axes; its ranges follow what it shows unless they are given."""
        return Plot(
            **{
                "name": name,
                "x_range": x or DataRange1d(),
                "y_range": y or DataRange1d(only_visible=True),
                "x_scale": self._scale,
                "y_scale": self._scale,
                "toolbar": Toolbar(logo=None),
                "toolbar_location": None,
                "title": None,
                "height": HEIGHT,
                "sizing_mode": "stretch_width",
                "background_fill_color": None,
                "border_fill_color": None,
                "outline_line_color": None,
                "min_border_left": 10,
                "min_border_right": 14,
                **options,
            }
        )

    def axis(
        self, plot: Plot, side: Literal["below", "left"], *, whole: bool = False, grid: bool = True
    ) -> Any:
        """Put an axis beside a plot, with a grid behind it; `whole` numbers have no decimals."""
        made: Any = LinearAxis(
            ticker=BasicTicker(desired_num_ticks=TICKS, min_interval=1 if whole else 0),
            major_label_policy=self._labels,
            axis_line_color=AXIS,
            major_tick_line_color=AXIS,
            minor_tick_line_color=None,
            major_label_text_font="system-ui, sans-serif",
            major_label_text_font_size="13px",
            major_label_text_color=TEXT,
        )
        made.formatter = self.years if whole else self.numbers
        plot.add_layout(made, side)
        if grid:
            plot.add_layout(Grid(axis=made, dimension=0 if side == "below" else 1, grid_line_color=GRID))
        return made

    def draw(
        self, plot: Plot, source: ColumnDataSource, glyph: Glyph, **options: Any
    ) -> "GlyphRenderer[Glyph]":
        """Draw a glyph on a plot."""
        view = CDSView(filter=self._everything)
        renderer = GlyphRenderer(data_source=source, glyph=glyph, view=view, **options)
        plot.renderers.append(renderer)
        return renderer


def write_ticks(axis: Any, number: NumberFormat) -> None:
    """Write an axis's ticks with the decimals and thousands of a format."""
    if axis.formatter.format != tick_format(number):
        # The formatter is one for all axes.
        axis.formatter = NumeralTickFormatter(format=tick_format(number))
