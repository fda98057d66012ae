"""The answer that lists of studies state: the default change's effect on all units of the last period."""

from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.study.definition import Study
from tracestore.answer import QUANTILES, Answer

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MASS = 0.94
"""The mass of the interval: that of the band, and of every interval on a page unless its reader asks."""

_UNITS_AT_ONCE = 64
"""Units summed in one step, so that a wide panel needs no array of all draws by all units."""

_TOO_LARGE = "the change leads to outcomes too large to be represented"

# Its functions carry no types.
_stats: Any = array_stats


def state_answer(study: Study, panel: Panel, posterior: xr.Dataset) -> Answer:
    """Compute the answer from the draws that are published (docs/estimand.md).

    Returns
    -------
    Answer
        With a reason in place of an effect where the change is not defined for a unit, or its effect has
        no finite number.
    """
    toml = study.toml
    last = np.flatnonzero(panel.period_index == len(panel.periods) - 1)
    rows = last[np.argsort(panel.unit_index[last], kind="stable")]
    labels = panel.period_labels
    period = panel.periods[-1] if labels is None else labels[-1]

    def refuse(reason: str) -> Answer:
        return Answer(period=period, units=rows.size, mass=MASS, reason=reason)

    shift = _shift(study, panel.treatment[rows])
    undefined = np.flatnonzero(np.isnan(shift))
    if undefined.size:
        names = [panel.units[panel.unit_index[rows[place]]].label for place in undefined[:3]]
        others = " and others" if undefined.size > len(names) else ""
        return refuse(
            "the change brings the treatment to zero or below, where its logarithm is not defined"
            f" ({', '.join(names)}{others})"
        )
    share = 1 / rows.size if toml.what_if.together == "mean" else 1.0
    outcome = panel.outcome[rows]
    with np.errstate(over="ignore", invalid="ignore"):
        draws = share * _sum_effects(study, posterior, outcome, panel.unit_index[rows], shift)
        observed = float(share * outcome.sum())
    if not (np.isfinite(draws).all() and np.isfinite([draws.mean(), observed]).all()):
        return refuse(_TOO_LARGE)
    ordered = np.sort(-draws if toml.what_if.sign == "saving" else draws)
    lower, upper = _stats.hdi(ordered, MASS)
    within = above = None
    if toml.what_if.negligible is not None:
        size = abs(observed) * toml.what_if.negligible / 100
        within, above = float((np.abs(ordered) <= size).mean()), float((ordered > size).mean())
    return Answer(
        period=period,
        units=rows.size,
        outcome=observed,
        treatment=float(panel.treatment[rows].mean()),
        mass=MASS,
        mean=float(ordered.mean()),
        lower=float(lower),
        upper=float(upper),
        probability=float((ordered > 0).mean()),
        within=within,
        above=above,
        quantiles=tuple(np.quantile(ordered, np.linspace(0, 1, QUANTILES)).tolist()),
    )


def _shift(study: Study, treatment: Floats) -> Floats:
    """Return by how much the change moves the transformed treatment; NaN where it has no logarithm."""
    change = study.toml.what_if.change
    percent = change.kind == "percent"
    if study.toml.treatment.transform != "log":
        return treatment * (change.default / 100) if percent else np.full(treatment.shape, change.default)
    relative = np.full(treatment.shape, change.default / 100) if percent else change.default / treatment
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = np.log1p(relative)
    return np.where(np.isfinite(shift), shift, np.nan)


def _sum_effects(
    study: Study, posterior: xr.Dataset, outcome: Floats, unit_index: Integers, shift: Floats
) -> Floats:
    """Return the draws of the effect, summed over units and all chains one after another."""
    slope = posterior["beta_unit"] if "beta_unit" in posterior else posterior["beta"].expand_dims("unit", -1)
    draws = slope.transpose("chain", "draw", "unit").to_numpy()
    draws = draws.reshape(-1, draws.shape[2])
    total = np.zeros(len(draws))
    for start in range(0, outcome.size, _UNITS_AT_ONCE):
        part = slice(start, start + _UNITS_AT_ONCE)
        own = draws[:, unit_index[part]] if draws.shape[1] > 1 else draws
        step = own * shift[part]
        # The difference itself, without the rounding of the difference of two outcomes.
        effect = outcome[part] * np.expm1(step) if study.toml.outcome.transform == "log" else step
        total += effect.sum(axis=1)
    return total
