"""Each figure as a table: what is read by those who do not see it, and what its CSV holds."""

import csv
import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dashboard.state import ViewState, format_change
from dashboard.versions import EffectAnswer, LoadedVersion
from tracestore.manifest import StudyCard

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
        writer = csv.writer(text)
        writer.writerow([_guard(column) for column in self.columns])
        writer.writerows([_guard(cell) for cell in row] for row in self.rows)
        return text.getvalue()


def build_outcome(version: LoadedVersion, state: ViewState) -> Table:
    """Return the outcome over time: observed, as modelled, under the change; and that of compared units."""
    card = version.manifest.study
    unit = state.unit or ""
    series, path = version.series_of(unit), version.path_of(unit, state.change or 0.0, state.mass)
    name, units = card.outcome.label, card.outcome.units
    mass = f"{100 * state.mass:g} %"
    columns = (
        card.period.noun,
        f"{name} in {version.labels[unit]}, {units}",
        *(f"model, {part}" for part in ("median", "94 % lower", "94 % upper")),
        *(f"under the change, {part}" for part in ("median", f"{mass} lower", f"{mass} upper")),
        *(f"{name} in {version.labels[other]}, {units}" for other in state.compare),
    )
    others = [version.series_of(other).outcome for other in state.compare]
    values = (series.outcome, series.median, series.lower, series.upper, path.median, path.lower, path.upper)
    return Table(columns, _stack(version, *values, *others))


def build_treatment(version: LoadedVersion, state: ViewState) -> Table:
    """Return the treatment over time, and that of compared units."""
    card = version.manifest.study
    shown = ((state.unit or ""), *state.compare)
    columns = tuple(
        f"{card.treatment.label} in {version.labels[unit]}, {card.treatment.units}" for unit in shown
    )
    values = [version.series_of(unit).treatment for unit in shown]
    return Table((card.period.noun, *columns), _stack(version, *values))


def build_effect_unit(version: LoadedVersion, state: ViewState) -> Table:
    """Return the posterior of the effect on the chosen unit and on those compared with it."""
    change, mass = state.change or 0.0, state.mass
    units = ((state.unit or ""), *state.compare)
    answers = {version.labels[unit]: version.effect_on(unit, change, mass) for unit in units}
    return _tell_posterior(answers, version, state)


def build_effect_all(version: LoadedVersion, state: ViewState) -> Table:
    """Return the posterior of the effect on all units together."""
    name = f"all {version.manifest.study.unit.nouns}"
    answer = version.effect_on_all(state.change or 0.0, state.mass)
    return _tell_posterior({name: answer}, version, state)


def build_units(version: LoadedVersion, state: ViewState) -> Table:
    """Return the effect on each unit, from the largest to the smallest."""
    card = version.manifest.study
    measure = version.measure(state.change or 0.0, state.mass)
    effects = measure.effects
    mass, units = f"{100 * state.mass:g} %", card.outcome.units
    columns = (
        *(card.unit.column, card.unit.noun, card.period.noun, f"mean {name_effect(card)}, {units}"),
        *(f"{mass} lower", f"{mass} upper"),
        *((f"mean {name_effect(card)}, % of the outcome",) if measure.relative else ()),
        "probability above zero",
    )
    numbers = (
        *(effects.mean, effects.lower, effects.upper),
        *((measure.mean,) if measure.relative else ()),
        effects.probability,
    )
    ranked = measure.rank()
    rows: list[tuple[Cell, ...]] = []
    for place in (*ranked, *np.setdiff1d(np.arange(effects.mean.size), ranked)):
        unit = version.manifest.units[int(place)]
        period: Cell = (
            version.manifest.period_names[effects.period[place]] if effects.period[place] >= 0 else ""
        )
        rows.append((unit.id, unit.label, period, *(float(values[place]) for values in numbers)))
    return Table(columns, tuple(rows))


def build_multiples(version: LoadedVersion, _state: ViewState) -> Table:
    """Return the outcome of every unit in every period."""
    card = version.manifest.study
    labels = tuple(unit.label for unit in version.manifest.units)
    return Table((card.period.noun, *labels), _stack(version, *(one.outcome for one in version.series)))


TABLES: dict[str, Build] = {
    "effect-unit": build_effect_unit,
    "effect-all": build_effect_all,
    "outcome": build_outcome,
    "treatment": build_treatment,
    "units": build_units,
    "multiples": build_multiples,
}
"""By the name of the figure that each says the same as."""


def name_effect(card: StudyCard) -> str:
    """Write what is above zero, as in "saving"."""
    return {"saving": "saving", "gain": "gain", "change": "change"}[card.sign]


def name_file(version: LoadedVersion, state: ViewState, table: str, ending: str = "csv") -> str:
    """Name a download by study, unit, change and version, in letters that every file system takes."""
    unit = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in state.unit or "")
    change = f"{'minus' if (state.change or 0) < 0 else 'plus'}-{format_change(abs(state.change or 0.0))}"
    change += "-percent" if version.manifest.study.what_if.kind == "percent" else ""
    return f"{version.manifest.study.name}-{unit[:40]}-{change}-{version.name}-{table}.{ending}"


def _stack(
    version: LoadedVersion, *columns: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        (period, *(float(values[place]) for values in columns))
        for place, period in enumerate(version.manifest.period_names)
    )


def _tell_posterior(answers: dict[str, EffectAnswer], version: LoadedVersion, state: ViewState) -> Table:
    card = version.manifest.study
    columns = ("quantity", *(f"{name_effect(card)} in {name}, {card.outcome.units}" for name in answers))
    effects = [answer.effect for answer in answers.values()]
    missing = math.nan
    mass = f"{100 * state.mass:g} % interval"
    rows: list[tuple[Cell, ...]] = [
        ("mean", *(missing if one is None else one.mean for one in effects)),
        (f"{mass}, lower", *(missing if one is None else one.lower for one in effects)),
        (f"{mass}, upper", *(missing if one is None else one.upper for one in effects)),
        ("probability above zero", *(missing if one is None else one.probability for one in effects)),
    ]
    for quantile in QUANTILES:
        values = [missing if one is None else float(np.quantile(one.ordered, quantile)) for one in effects]
        rows.append((f"quantile {quantile:g}", *values))
    return Table(columns, tuple(rows))


def _guard(cell: Cell) -> str:
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
    return "" if isinstance(cell, float) and not math.isfinite(cell) else repr(cell)
