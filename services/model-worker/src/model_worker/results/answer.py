"""The answer shown in lists of studies: the default change's effect on all units of the last period."""

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
"""Mass of the interval: the band's, and the default for every interval on a page."""

_UNITS_AT_ONCE = 64
"""Number of units summed in one step, so that a wide panel needs no (draws, all units) array."""

_TOO_LARGE = "the change leads to outcomes too large to be represented"

# `array_stats` has no type annotations.
_stats: Any = array_stats


def state_answer(study: Study, panel: Panel, posterior: xr.Dataset) -> Answer:
    """Return the answer, computed from the published draws (docs/estimand.md).

    Returns
    -------
    Answer
        The answer has a reason in place of an effect if the change is undefined for a unit or the effect
        is not finite.
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
    """Return the change in the transformed treatment; NaN where the logarithm is undefined."""
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
    """Return the draws of the effect, summed over units; the chains are concatenated."""
    slope = posterior["beta_unit"] if "beta_unit" in posterior else posterior["beta"].expand_dims("unit", -1)
    draws = slope.transpose("chain", "draw", "unit").to_numpy()
    draws = draws.reshape(-1, draws.shape[2])
    total = np.zeros(len(draws))
    for start in range(0, outcome.size, _UNITS_AT_ONCE):
        part = slice(start, start + _UNITS_AT_ONCE)
        own = draws[:, unit_index[part]] if draws.shape[1] > 1 else draws
        step = own * shift[part]
        # Computing the effect directly avoids the rounding error of subtracting two outcomes.
        effect = outcome[part] * np.expm1(step) if study.toml.outcome.transform == "log" else step
        total += effect.sum(axis=1)
    return total
