"""The figures of the analyst's tab, drawn with Bokeh from what was computed (docs/adr/0009 says why).

Each is one plot with a handful of renderers. Where several parameters are shown they stand in rows of one
plot, the first at the top, so that the number of models does not grow with them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import AllIndices, BasicTicker, CDSView, ColumnDataSource, FixedTicker, HoverTool, Range1d
from bokeh.models.annotations import Span
from bokeh.models.formatters import NumeralTickFormatter
from bokeh.models.glyph import Glyph
from bokeh.models.glyphs import Line, MultiLine, Patches, Scatter, Segment, VArea
from bokeh.plotting import figure

from dashboard.calendar_axis import TICKS, CalendarAxis
from dashboard.convergence import Chains, Curve, Energy
from dashboard.criticism import NEAR, CheckCurves, ParetoCells, PriorCurves, Replicates, Residuals
from dashboard.estimands import Floats
from dashboard.theme import BLUE, GREY, VERMILLION, choose_colours
from tracestore.manifest import Manifest

HEIGHT = 240
ROW_HEIGHT = 64
ROW_MARGIN = 60
TRACE_REACH = 4.0
"""Standard deviations that a row of traces spans on either side."""

Estimate = tuple[str, float, float, float, float]
"""A name, a middle, its error and the two ends of an interval."""


def draw_ranks(chains: Sequence[Chains]) -> Any:
    """Draw the ranks of each chain's draws by parameter; level with the row's line where chains agree."""
    edges = np.repeat(np.linspace(0, 1, chains[0].ranks.shape[1] + 1), 2)[1:-1]
    lines = [(edges, np.repeat(ranks, 2) - 1) for one in chains for ranks in one.ranks]
    return _draw_chains("ranks", "Share of all draws, lowest to highest", chains, lines, 1, line_width=1.5)


def draw_traces(chains: Sequence[Chains]) -> Any:
    """Draw the traces of each chain by parameter, in standard deviations around the mean of all."""
    lines = [(one.draws, trace / TRACE_REACH) for one in chains for trace in one.traces]
    end = float(max(one.draws[-1] for one in chains)) or 1
    return _draw_chains("traces", "Draw", chains, lines, end, line_width=0.8, line_alpha=0.75)


def draw_energy(energy: Energy) -> Any:
    """Draw the densities of the energy around its mean and of its steps; they should look alike."""
    plot = _start("energy", "Energy, around its mean")
    grid, density = energy.marginal
    _add(plot, VArea(x="x", y1=0, y2="y", fill_color=BLUE, fill_alpha=0.45), x=grid, y=density)
    return _draw_density(plot, energy.transition, width=2.0)


def draw_replicates(replicates: Replicates, label: str) -> Any:
    """Draw the density of the outcome in the data over those of data the model makes."""
    plot = _start("replicates", label, x_axis_type="log" if replicates.logarithmic else "auto")
    made = replicates.replicated
    line = MultiLine(xs="xs", ys="ys", line_color=GREY, line_alpha=0.55)
    _add(plot, line, xs=[grid for grid, _ in made], ys=[density for _, density in made])
    plot.x_range = Range1d(start=replicates.span[0], end=replicates.span[1])
    plot.xaxis.formatter = NumeralTickFormatter(format="0,0.[000]")
    return _draw_density(plot, replicates.observed, width=2.5)


def draw_checks(checks: Sequence[CheckCurves], names: Sequence[str]) -> Any:
    """Draw each statistic in the data over its values in data the model makes."""
    plot = _start_rows("checks", "Robust sd from the replicated median", names)
    _fill_rows(plot, [one.replicated for one in checks], GREY)
    _fill_rows(plot, [one.observed for one in checks], VERMILLION)
    lone = [(one.value, -float(row)) for row, one in enumerate(checks) if one.observed[0].size == 0]
    if lone:
        x, y = np.array(lone).T
        _add(plot, Scatter(marker="diamond", size=11, **_paint(VERMILLION)), x=x, y=y)
    return plot


def draw_autocorrelation(residuals: Residuals) -> Any:
    """Draw the autocorrelation of innovations by lag, and the limits of independent ones."""
    plot = _start("residuals", "Steps apart")
    lags, values = np.asarray(residuals.lags, dtype=np.float64), residuals.autocorrelation
    limits = VArea(x="x", y1="low", y2="high", fill_color=GREY, fill_alpha=0.3)
    _add(plot, limits, x=lags, low=-residuals.limit, high=residuals.limit)
    stem = Segment(x0="x", x1="x", y0="zero", y1="y", line_color=BLUE, line_width=2)
    _add(plot, stem, x=lags, y=values, zero=np.zeros_like(lags))
    _add(plot, Scatter(size=8, **_paint(BLUE)), x=lags, y=values)
    plot.add_layout(Span(location=0, dimension="width", line_color=GREY))
    plot.xaxis.ticker = BasicTicker(desired_num_ticks=TICKS, min_interval=1)
    return plot


def draw_pareto(cells: ParetoCells, limit: float, manifest: Manifest) -> Any:
    """Draw Pareto k of cells by period, with the limit above which a cell's part is not relied on."""
    plot = _start("leave-one-out", manifest.study.period.noun.capitalize())
    points = _add(
        plot,
        Scatter(x="period", y="k", size=5, fill_alpha=0.6, line_alpha=0.6, **_paint("colour")),
        period=np.asarray(cells.period, dtype=np.float64),
        k=cells.k,
        unit=np.array(cells.unit),
        name=np.array(cells.name),
        colour=np.where(cells.k > limit, VERMILLION, BLUE),
    )
    tooltips = [("", "@unit, @name"), ("Pareto k", "@k{0.00}")]
    plot.add_tools(HoverTool(renderers=[points], tooltips=tooltips, visible=False))
    plot.add_layout(Span(location=limit, dimension="width", line_color=GREY, line_dash="dashed"))
    plot.xaxis.formatter = NumeralTickFormatter(format="0")
    plot.xaxis.ticker = BasicTicker(desired_num_ticks=TICKS, min_interval=1)
    CalendarAxis(plot.xaxis[0]).show(manifest.periods, manifest.period_names)
    return plot


def draw_priors(priors: Sequence[PriorCurves]) -> Any:
    """Draw each parameter's posterior over its prior, near the posterior."""
    names, near = [one.name for one in priors], Range1d(start=-NEAR, end=NEAR)
    plot = _start_rows("priors", "Posterior sd from the posterior mean", names, x_range=near)
    posteriors, befores = [one.posterior for one in priors], [one.prior for one in priors]
    _fill_rows(plot, posteriors, BLUE, beside=befores)
    _fill_rows(plot, befores, VERMILLION, beside=posteriors)
    return plot


def draw_estimates(estimates: Sequence[Estimate]) -> Any:
    """Draw estimates of one quantity with their intervals, one below the other."""
    names, middle, _, low, high = zip(*estimates, strict=True)
    plot = _start_rows("least-squares", "Slope", names)
    data = {
        "y": -np.arange(len(estimates), dtype=np.float64),
        "x": np.array(middle),
        "low": np.array(low),
        "high": np.array(high),
        "colour": np.array([BLUE, *[VERMILLION] * (len(estimates) - 1)]),
    }
    _add(plot, Segment(x0="low", x1="high", y0="y", y1="y", line_color="colour", line_width=3), **data)
    _add(plot, Scatter(size=10, **_paint("colour")), **data)
    plot.add_layout(Span(location=0, dimension="height", line_color=GREY, line_dash="dashed"))
    return plot


def _start(name: str, label: str, *, height: int = HEIGHT, **options: Any) -> Any:
    plot: Any = figure(
        name=f"figure-{name}",
        x_axis_label=label,
        height=height,
        sizing_mode="stretch_width",
        toolbar_location=None,
        tools="",
        **options,
    )
    plot.xaxis[0].ticker.desired_num_ticks = TICKS
    return plot


def _start_rows(name: str, label: str, names: Sequence[str], **options: Any) -> Any:
    count = len(names)
    height = ROW_MARGIN + ROW_HEIGHT * max(count, 1)
    plot = _start(name, label, height=height, y_range=Range1d(start=-count + 0.4, end=0.6), **options)
    plot.yaxis[0].update(
        ticker=FixedTicker(ticks=[-row for row in range(count)]),
        major_label_overrides={-row: name for row, name in enumerate(names)},
        major_tick_line_color=None,
    )
    plot.ygrid[0].visible = False
    return plot


def _add(plot: Any, glyph: Glyph, **columns: Any) -> Any:
    """Add a glyph as it is, without the three others that a figure keeps for selections and muting."""
    every = plot.renderers[0].view.filter if plot.renderers else AllIndices()
    return plot.add_glyph(ColumnDataSource(data=columns), glyph, view=CDSView(filter=every))


def _paint(colour: str) -> dict[str, Any]:
    return {"fill_color": colour, "line_color": colour}


def _place(row: int, height: Floats) -> Floats:
    """Return the height in the plot of a height in a row, -0.5 to 0.5."""
    placed: Floats = height * 0.94 - row
    return placed


def _draw_chains(
    name: str,
    label: str,
    chains: Sequence[Chains],
    lines: list[tuple[Floats, Floats]],
    end: float,
    **look: Any,
) -> Any:
    """Draw a row for each parameter, with a line for each chain; -1 to 1 is the height of the row."""
    plot = _start_rows(name, label, [one.name for one in chains], x_range=Range1d(start=0, end=end))
    ticks = list(-np.arange(len(chains), dtype=np.float64))
    plot.ygrid[0].update(visible=True, ticker=FixedTicker(ticks=ticks), grid_line_color=GREY)
    count = len(lines) // len(chains)
    _add(
        plot,
        MultiLine(xs="xs", ys="ys", line_color="colour", **look),
        xs=[x for x, _ in lines],
        ys=[_place(number // count, np.clip(y, -1, 1) / 2) for number, (_, y) in enumerate(lines)],
        colour=np.array(choose_colours(count) * len(chains)),
    )
    return plot


def _fill_rows(plot: Any, curves: Sequence[Curve], colour: str, beside: Sequence[Curve] = ()) -> None:
    """Fill a curve in each row, the highest as high as the row; `beside` are drawn on the same scale."""
    xs, ys = [], []
    for row, (grid, density) in enumerate(curves):
        if grid.size == 0:
            continue
        other = beside[row][1] if beside else np.empty(0)
        top = max(density.max(initial=0.0), other.max(initial=0.0)) or 1.0
        xs.append(np.pad(grid, 1, mode="edge"))
        ys.append(_place(row, np.pad(density / top, 1) * 0.9 - 0.45))
    if xs:
        _add(plot, Patches(xs="xs", ys="ys", fill_alpha=0.3, line_width=1.5, **_paint(colour)), xs=xs, ys=ys)


def _draw_density(plot: Any, curve: Curve, *, width: float) -> Any:
    """Draw the last density of a plot, without the axis of its height, which says nothing by itself."""
    grid, density = curve
    _add(plot, Line(x="x", y="y", line_color=VERMILLION, line_width=width), x=grid, y=density)
    plot.yaxis[0].visible = False
    plot.ygrid[0].visible = False
    plot.y_range.start = 0
    return plot
