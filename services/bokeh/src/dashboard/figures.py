"""The figures of a unit, built empty once per session; what they show is assigned as data."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, DataRange1d, HoverTool, Plot, Range1d
from bokeh.models.annotations import BoxAnnotation, Span
from bokeh.models.glyphs import Circle, Line, MultiLine, Patch, Patches, Scatter
from numpy.typing import NDArray

from dashboard.calendar_axis import CalendarAxis
from dashboard.copies import PagePart
from dashboard.dots import stack_dots
from dashboard.estimands import Effect, Floats
from dashboard.numerals import PLAIN, write_in_full
from dashboard.plots import Easel, write_ticks
from dashboard.theme import ACCENT, BAND, COMPARED, DASHES, EDGE, INK, MUTED, PATH, PATH_BAND, PATH_EDGE
from dashboard.unit_effects import Path
from dashboard.versions import EffectAnswer, UnitSeries
from tracestore.manifest import NumberFormat

Data = dict[str, Any]

NOTHING: Data = {"x": [0.0], "y": [0.0]}
"""A curve that cannot be seen. BokehJS warns about the ranges of a figure that has no point at all."""

LONE_HALF_WIDTH = 0.2
"""Half the width, in periods, of the band at a period whose neighbours were not observed."""

HEADROOM, MARGIN = 1.08, 0.04


class Others(PagePart):
    """Lines of the units compared with the chosen one; made when there first is one."""

    def __init__(self, easel: Easel, plot: Plot) -> None:
        self._easel, self._plot = easel, plot
        self._source: ColumnDataSource | None = None

    def show(self, lines: Sequence[tuple[int, NDArray[Any], Floats]]) -> None:
        """Show lines, each in the color and dash of its unit's place among those compared."""
        if self._source is None:
            if not lines:
                return
            self._source = self._easel.source(xs=[], ys=[], color=[], dash=[])
            line = MultiLine(xs="xs", ys="ys", line_color="color", line_width=2, line_dash="dash")
            self._easel.draw(self._plot, self._source, line)
        self._source.data = {
            "xs": [x for _, x, _ in lines],
            "ys": [y for *_, y in lines],
            "color": [COMPARED[place] for place, *_ in lines],
            "dash": [DASHES[place] for place, *_ in lines],
        }


class TimeFigure(PagePart):
    """One column of the panel over time: observed, beside other units, and for the outcome as modeled."""

    def __init__(self, easel: Easel, name: str, *, modelled: bool, x: DataRange1d | None = None) -> None:
        self.plot: Plot = easel.plot(name, x=x)
        self._source = easel.source(f"{name}-data", period=[0], when=[0], value=[0.0], told=[""], path=[0.0])
        if modelled:
            self._bands = easel.source(xs=[], ys=[], color=[], frame=[])
            bands = Patches(xs="xs", ys="ys", fill_color="color", fill_alpha=0.5, line_color="frame")
            easel.draw(self.plot, self._bands, bands)
            path = Line(x="period", y="path", line_color=PATH, line_width=2, line_dash="6 3")
            easel.draw(self.plot, self._source, path)
        easel.draw(self.plot, self._source, Line(x="period", y="value", line_color=INK, line_width=2))
        point = Scatter(x="period", y="value", fill_color=INK, line_color=INK, size=5)
        points, told = easel.draw(self.plot, self._source, point), [("", "@when"), ("", "@told")]
        self.plot.add_tools(HoverTool(renderers=[points], tooltips=told, mode="vline", visible=False))
        self._others = Others(easel, self.plot)
        self._values = easel.axis(self.plot, "left")
        self._calendar = CalendarAxis(easel.axis(self.plot, "below", whole=True))

    def show(
        self,
        period: NDArray[np.int64],
        names: tuple[int | str, ...],
        values: Floats,
        others: Sequence[Floats],
        number: NumberFormat = PLAIN,
    ) -> None:
        """Show a unit's column and, in their order, those of the units compared with it."""
        write_ticks(self._values, number)
        self._source.data = {
            "period": period,
            "when": list(names),
            "value": values,
            "told": [write_in_full(float(value), number) for value in values],
            "path": np.full(period.size, np.nan),
        }
        self._calendar.show(period.tolist(), names)
        self._others.show([(place, period, other) for place, other in enumerate(others)])

    def show_model(self, series: UnitSeries, path: Path) -> None:
        """Show the model's band, and the outcome's path under the change."""
        band, changed = (outline_band(series.period, one.lower, one.upper) for one in (series, path))
        own, other = len(band["xs"]), len(changed["xs"])
        self._bands.data = {
            "xs": band["xs"] + changed["xs"],
            "ys": band["ys"] + changed["ys"],
            "color": [BAND] * own + [PATH_BAND] * other,
            "frame": [EDGE] * own + [PATH_EDGE] * other,
        }
        self._source.data = dict(self._source.data) | {"path": path.median}


class EffectFigure(PagePart):
    """The posterior of an effect, as density or dots, with interval, mean, zero and what is negligible."""

    def __init__(self, easel: Easel, name: str) -> None:
        self._easel = easel
        self._answers: tuple[EffectAnswer, ...] = ()
        self._looks: tuple[float | None, bool] = (None, False)
        self._across, self._top = Range1d(start=-1, end=1), Range1d(start=0, end=1)
        self.plot: Plot = easel.plot(name, x=self._across, y=self._top)
        self._curve = easel.source(**NOTHING)
        self._interval = easel.source(**NOTHING)
        interval = Patch(x="x", y="y", fill_color=BAND, fill_alpha=0.6, line_color=EDGE)
        easel.draw(self.plot, self._interval, interval)
        easel.draw(self.plot, self._curve, Line(x="x", y="y", line_color=INK, line_width=2))
        self._others = Others(easel, self.plot)
        self._dots: tuple[ColumnDataSource, Circle] | None = None
        self._negligible: BoxAnnotation | None = None
        self._mean = Span(dimension="height", line_color=ACCENT, line_width=2, visible=False)
        self.plot.add_layout(Span(location=0, dimension="height", line_color=MUTED, line_dash="dashed"))
        self.plot.add_layout(self._mean)
        self._effects = easel.axis(self.plot, "below")

    def show(
        self,
        answer: EffectAnswer,
        negligible: float | None,
        others: Sequence[EffectAnswer],
        *,
        dots: bool,
        number: NumberFormat = PLAIN,
    ) -> None:
        """Show an effect, or nothing where there is none, and a band of what is `negligible` around zero."""
        write_ticks(self._effects, number)
        # The answers of a version are remembered, so that an equal one is the same.
        answers = (answer, *others)
        same = len(answers) == len(self._answers) and all(map(operator.is_, answers, self._answers))
        if same and (negligible, dots) == self._looks:
            return
        self._answers, self._looks = answers, (negligible, dots)
        effect = find_density(answer)
        compared = [] if dots else [(place, find_density(other)) for place, other in enumerate(others)]
        drawn = [(place, other) for place, other in compared if other is not None]
        self._mean.update(location=answer.effect.mean if answer.effect else 0, visible=effect is not None)
        self._show_negligible(None if effect is None else negligible)
        self._show_dots(effect if dots else None)
        self._others.show([(place, *other.curve) for place, other in drawn])
        visible = [] if effect is None else [effect, *(other for _, other in drawn)]
        self._across.update(**span_effects(visible))
        if effect is not None and dots:
            self._curve.data = self._interval.data = NOTHING
            return
        self._curve.data, self._interval.data = trace_density(answer)
        self._top.end = HEADROOM * max((float(one.curve[1].max()) for one in visible), default=1.0)

    def _show_negligible(self, negligible: float | None) -> None:
        if self._negligible is None and negligible is not None:
            self._negligible = BoxAnnotation(fill_color=MUTED, fill_alpha=0.15, line_color=None)
            self.plot.add_layout(self._negligible)
        if self._negligible is not None:
            reach = negligible or 0.0
            self._negligible.update(left=-reach, right=reach, visible=negligible is not None)

    def _show_dots(self, effect: Effect | None) -> None:
        nothing: Data = {"x": [], "y": [], "color": []}
        if self._dots is None:
            if effect is None:
                return
            # Round at every width of the window, and as large as both its column and its row allow.
            dot = Circle(x="x", y="y", radius=1, radius_dimension="min", fill_color="color", line_color=None)
            self._dots = self._easel.source(**nothing), dot
            self._easel.draw(self.plot, *self._dots)
        source, dot = self._dots
        if effect is None:
            source.data = nothing
            return
        stacks = stack_dots(effect)
        inside = (stacks.x >= effect.lower) & (stacks.x <= effect.upper)
        source.data = {
            "x": stacks.x,
            "y": stacks.y * stacks.width,
            "color": np.where(inside, INK, EDGE).tolist(),
        }
        dot.radius = stacks.width * 0.47
        self._top.end = stacks.rows * stacks.width


def find_density(answer: EffectAnswer) -> Effect | None:
    """Return the effect of an answer that has one, and a density."""
    return None if answer.effect is None or answer.effect.is_point else answer.effect


def span_effects(effects: Sequence[Effect]) -> dict[str, float]:
    """Return the ends of an axis that has effects and zero on it, so that their distance from it is seen."""
    low = min(0.0, min((float(one.ordered[0]) for one in effects), default=-1.0))
    high = max(0.0, max((float(one.ordered[-1]) for one in effects), default=1.0))
    return {"start": low - MARGIN * (high - low), "end": high + MARGIN * (high - low)}


def trace_density(answer: EffectAnswer) -> tuple[Data, Data]:
    """Return the columns of a density's curve, and the outline of its part inside the interval."""
    effect = find_density(answer)
    if effect is None:
        return NOTHING, NOTHING
    grid, density = effect.curve
    within = grid[(grid > effect.lower) & (grid < effect.upper)]
    x = np.concatenate(([effect.lower], within, [effect.upper]))
    outline = {"x": np.pad(x, 1, mode="edge"), "y": np.pad(np.interp(x, grid, density), 1)}
    return {"x": grid, "y": density}, outline


def outline_band(period: NDArray[np.int64], lower: Floats, upper: Floats) -> Data:
    """Return the band as one polygon for each run of periods without a gap, so that gaps stay open."""
    xs, ys = [], []
    for run in np.ma.clump_unmasked(np.ma.masked_invalid(upper - lower)):
        x, low, high = period[run].astype(np.float64), lower[run], upper[run]
        if x.size == 1:
            x = np.concatenate((x - LONE_HALF_WIDTH, x + LONE_HALF_WIDTH))
            low, high = np.repeat(low, 2), np.repeat(high, 2)
        xs.append(np.concatenate((x, x[::-1])))
        ys.append(np.concatenate((low, high[::-1])))
    return {"xs": xs, "ys": ys}
