"""The figures of a page, made once per session and empty; showing something is assigning data."""

from typing import Any

import numpy as np
from bokeh.models import BasicTicker, ColumnDataSource, DataRange1d, HoverTool, NumeralTickFormatter
from bokeh.models.annotations import Span
from bokeh.plotting import figure
from numpy.typing import NDArray

from dashboard.estimands import Floats
from dashboard.versions import EffectAnswer, UnitSeries

Data = dict[str, Any]

INK, BAND, ACCENT, MUTED = "#1b3a4b", "#9cc5d8", "#b3541e", "#6b7780"
HEIGHT = 260
TICKS = 5
"""Few enough for their labels to stand apart on a telephone."""

NOTHING: Data = {"x": [0.0], "y": [0.0]}
"""A curve that cannot be seen. BokehJS warns about the ranges of a figure that has no point at all."""

LONE_HALF_WIDTH = 0.2
"""Half the width, in periods, of the band at a period whose neighbours were not observed."""


class TimeFigure:
    """One column of the panel over time: a line with points, and over it the model's band if there is one."""

    def __init__(self, name: str, column: str, *, banded: bool) -> None:
        self.source = ColumnDataSource(data={"period": [0], column: [0.0]})
        self.band = ColumnDataSource(data={"xs": [], "ys": []})
        self.model = _start_figure(name, y_range=DataRange1d(only_visible=True))
        if banded:
            self.model.patches(
                "xs", "ys", source=self.band, fill_color=BAND, fill_alpha=0.55, line_color=None
            )
        self.model.line("period", column, source=self.source, line_color=INK, line_width=2)
        points = self.model.scatter("period", column, source=self.source, color=INK, size=5)
        self.model.add_tools(
            HoverTool(
                renderers=[points],
                tooltips=[("", "@period"), ("", f"@{column}{{0,0.[000]}}")],
                mode="vline",
                visible=False,
            )
        )
        self.model.yaxis.formatter = NumeralTickFormatter(format="0,0.[000]")
        self.model.xaxis.formatter = NumeralTickFormatter(format="0")
        self.model.xaxis.ticker = BasicTicker(desired_num_ticks=TICKS, min_interval=1)


class DensityFigure:
    """The posterior density of an effect, its interval filled, its mean and zero marked."""

    def __init__(self, name: str) -> None:
        self.curve = ColumnDataSource(data=NOTHING)
        self.interval = ColumnDataSource(data=NOTHING)
        self.mean = Span(dimension="height", line_color=ACCENT, line_width=2, visible=False)
        self.model = _start_figure(name, y_range=DataRange1d(start=0))
        self.model.varea(x="x", y1=0, y2="y", source=self.interval, fill_color=BAND, fill_alpha=0.55)
        self.model.line("x", "y", source=self.curve, line_color=INK, line_width=2)
        self.model.add_layout(Span(location=0, dimension="height", line_color=MUTED, line_dash="dashed"))
        self.model.add_layout(self.mean)
        self.model.yaxis.visible = False
        self.model.ygrid.visible = False
        self.model.xaxis.formatter = NumeralTickFormatter(format="0,0.[000]")

    def show(self, answer: EffectAnswer) -> None:
        """Show an effect, or nothing where there is none."""
        curve, interval = trace_density(answer)
        self.curve.data = curve
        self.interval.data = interval
        self.mean.update(
            location=answer.effect.mean if answer.effect is not None else 0,
            visible=answer.effect is not None and answer.effect.grid.size > 0,
        )


def trace_density(answer: EffectAnswer) -> tuple[Data, Data]:
    """Give the columns of a density's curve, and of its part inside the interval."""
    effect = answer.effect
    if effect is None or effect.grid.size == 0:
        return NOTHING, NOTHING
    inside = (effect.grid >= effect.lower) & (effect.grid <= effect.upper)
    return {"x": effect.grid, "y": effect.density}, {"x": effect.grid[inside], "y": effect.density[inside]}


def outline_band(series: UnitSeries) -> Data:
    """Give the band as one polygon for each run of periods without a gap, so that gaps stay open."""
    xs: list[Floats] = []
    ys: list[Floats] = []
    known = np.isfinite(series.lower) & np.isfinite(series.upper)
    for run in _split_runs(known):
        period, lower, upper = series.period[run].astype(np.float64), series.lower[run], series.upper[run]
        if run.size == 1:
            period = np.concatenate((period - LONE_HALF_WIDTH, period + LONE_HALF_WIDTH))
            lower, upper = np.repeat(lower, 2), np.repeat(upper, 2)
        xs.append(np.concatenate((period, period[::-1])))
        ys.append(np.concatenate((lower, upper[::-1])))
    return {"xs": xs, "ys": ys}


def _split_runs(known: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    places = np.flatnonzero(known)
    return [run for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if run.size]


def _start_figure(name: str, **options: Any) -> Any:
    return figure(
        name=name,
        height=HEIGHT,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        **options,
    )
