"""Each figure as a table, for its CSV and for readers who do not see it."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.estimands import Floats
from dashboard.state import ViewState, format_change
from dashboard.versions import EffectAnswer, LoadedVersion
from tracestore.manifest import Variable

QUANTILES = (0.005, 0.01, 0.025, 0.03, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.97, 0.975, 0.99, 0.995)

Cell = str | int | float
Build = Callable[[LoadedVersion, ViewState], "Table"]


@dataclass(frozen=True)
class Table:
    """Columns with their units, and rows; a number that is not there is NaN."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def to_csv(self) -> str:
        """Write it as CSV (RFC 4180), numbers in full, those that are not there empty.

        A text that a spreadsheet would take for a formula is written behind an apostrophe.
        """
        text = io.StringIO()
        csv.writer(text).writerows(map(_guard, row) for row in (self.columns, *self.rows))
        return text.getvalue()


def build_outcome(version: LoadedVersion, state: ViewState) -> Table:
    """Return the outcome over time: observed, as modelled, under the change; and that of compared units."""
    card = version.manifest.study
    unit = state.unit or ""
    series, path = version.series_of(unit), version.path_of(unit, state.change or 0.0, state.mass)
    mass = f"{100 * state.mass:g} %"
    observed, *others = (_name_column(card.outcome, one, version) for one in (unit, *state.compare))
    columns = {
        observed: series.outcome,
        "model, median": series.median,
        "model, 94 % lower": series.lower,
        "model, 94 % upper": series.upper,
        "under the change, median": path.median,
        f"under the change, {mass} lower": path.lower,
        f"under the change, {mass} upper": path.upper,
    }
    compared = [version.series_of(other).outcome for other in state.compare]
    return _stack(version, (*columns, *others), (*columns.values(), *compared))


def build_treatment(version: LoadedVersion, state: ViewState) -> Table:
    """Return the treatment over time, and that of compared units."""
    shown = (state.unit or "", *state.compare)
    columns = [_name_column(version.manifest.study.treatment, unit, version) for unit in shown]
    return _stack(version, columns, [version.series_of(unit).treatment for unit in shown])


def build_effect_unit(version: LoadedVersion, state: ViewState) -> Table:
    """Return the posterior of the effect on the chosen unit and on those compared with it."""
    change, mass = state.change or 0.0, state.mass
    units = (state.unit or "", *state.compare)
    answers = {version.labels[unit]: version.effect_on(unit, change, mass) for unit in units}
    return _tabulate(answers, version, state)


def build_effect_all(version: LoadedVersion, state: ViewState) -> Table:
    """Return the posterior of the effect on all units together."""
    name = f"all {version.manifest.study.unit.nouns}"
    answer = version.effect_on_all(state.change or 0.0, state.mass)
    return _tabulate({name: answer}, version, state)


def build_units(version: LoadedVersion, state: ViewState) -> Table:
    """Return the effect on each unit, from the largest to the smallest."""
    card, periods = version.manifest.study, version.manifest.period_names
    measure = version.measure(state.change or 0.0, state.mass)
    effects, mass = measure.effects, f"{100 * state.mass:g} %"
    numbers = [
        (f"mean {card.sign}, {card.outcome.units}", effects.mean),
        (f"{mass} lower", effects.lower),
        (f"{mass} upper", effects.upper),
        *([(f"mean {card.sign}, % of the outcome", measure.mean)] if measure.relative else ()),
        ("probability above zero", effects.probability),
    ]
    ranked = measure.rank()
    rows: list[tuple[Cell, ...]] = []
    for place in (*ranked, *np.setdiff1d(np.arange(effects.mean.size), ranked)):
        unit, last = version.manifest.units[place], effects.period[place]
        period = periods[last] if last >= 0 else ""
        rows.append((unit.id, unit.label, period, *(float(values[place]) for _, values in numbers)))
    names = (card.unit.column, card.unit.noun, card.period.noun, *(name for name, _ in numbers))
    return Table(names, tuple(rows))


def build_multiples(version: LoadedVersion, _state: ViewState) -> Table:
    """Return the outcome of every unit in every period."""
    return _stack(version, version.labels.values(), [one.outcome for one in version.series])


TABLES: dict[str, Build] = {
    "effect-unit": build_effect_unit,
    "effect-all": build_effect_all,
    "outcome": build_outcome,
    "treatment": build_treatment,
    "units": build_units,
    "multiples": build_multiples,
}
"""By the name of the figure that each says the same as."""


def name_file(version: LoadedVersion, state: ViewState, table: str, ending: str = "csv") -> str:
    """Name a download by study, unit, change and version, in letters that every file system takes."""
    unit = re.sub("[^a-zA-Z0-9]", "-", state.unit or "")
    change = f"{'minus' if (state.change or 0) < 0 else 'plus'}-{format_change(abs(state.change or 0.0))}"
    change += "-percent" if version.manifest.study.what_if.kind == "percent" else ""
    return f"{version.manifest.study.name}-{unit[:40]}-{change}-{version.name}-{table}.{ending}"


def _name_column(variable: Variable, unit: str, version: LoadedVersion) -> str:
    return f"{variable.label} in {version.labels[unit]}, {variable.units}"


def _stack(version: LoadedVersion, names: Iterable[str], columns: Iterable[Floats]) -> Table:
    periods = version.manifest.period_names
    rows = zip(periods, *(values.tolist() for values in columns), strict=True)
    return Table((version.manifest.study.period.noun, *names), tuple(rows))


def _tabulate(answers: dict[str, EffectAnswer], version: LoadedVersion, state: ViewState) -> Table:
    """Return the posteriors of effects side by side; where there is none, its column is empty."""
    card, mass = version.manifest.study, f"{100 * state.mass:g} % interval"
    names = ("mean", f"{mass}, lower", f"{mass}, upper", "probability above zero")
    columns: list[Sequence[Cell]] = [(*names, *(f"quantile {quantile:g}" for quantile in QUANTILES))]
    for effect in (answer.effect for answer in answers.values()):
        if effect is None:
            columns.append([math.nan] * len(columns[0]))
        else:
            summary = (effect.mean, effect.lower, effect.upper, effect.probability)
            columns.append((*summary, *np.quantile(effect.ordered, QUANTILES).tolist()))
    heads = ("quantity", *(f"{card.sign} in {name}, {card.outcome.units}" for name in answers))
    return Table(heads, tuple(zip(*columns, strict=True)))


def _guard(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
    return "" if isinstance(cell, float) and not math.isfinite(cell) else repr(cell)
