"""The effects of a change for every unit at once, and for one unit in every period.

A slope moves an effect in one direction only, so draws of slopes that are in order once, when a version
is loaded, give effects that are in order for every change: intervals then cost no sorting.
"""

from dataclasses import dataclass

import numpy as np

from dashboard.estimands import (
    UNITS_AT_ONCE,
    Estimand,
    Floats,
    compute_difference,
    compute_shift,
    find_intervals,
)

CELLS_MAX = 1_000_000
"""Draws times units that are computed at once; of wider panels fewer draws are taken, evenly."""


@dataclass(frozen=True, eq=False)
class UnitEffects:
    """The effect on each unit at its last observed period; NaN where it is not defined.

    Attributes
    ----------
    mean, lower, upper : (unit,)
        In the outcome's units, with the study's sign.
    share : (unit,)
        Factor from the outcome's units to percent of the unit's outcome; NaN where that is not defined.
    period : (unit,)
        Position of the period that each effect is of.
    """

    mean: Floats
    lower: Floats
    upper: Floats
    share: Floats
    probability: Floats
    period: np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class Path:
    """The outcome that a unit would have had under the change, by period; NaN where not defined."""

    median: Floats
    lower: Floats
    upper: Floats


def compute_differences(
    ordered: Floats, outcome: Floats, treatment: Floats, change: float, estimand: Estimand
) -> Floats:
    """Return draws of the difference that a change makes to the outcome, ascending along the first axis.

    They are NaN where a value is missing, and where the change leads to where a transform is not defined or
    to outcomes too large to be represented.

    Parameters
    ----------
    ordered : (draw, 1) or (draw, cell)
        Slopes, ascending along the first axis.
    outcome, treatment : (cell,)
        Observed values, in their own units.
    """
    shift = compute_shift(treatment, change, estimand)
    if (shift == shift[:1]).all():
        # A change in percent of a logged treatment: one power for all cells, where powers are what costs.
        shift = shift[:1]
    own = np.where(shift < 0, ordered[::-1], ordered)
    draws = compute_difference(outcome, own * shift, estimand.outcome)
    draws[:, ~np.isfinite(draws).all(axis=0)] = np.nan
    return draws


def thin_draws(draws: int, units: int) -> int:
    """Return the step at which draws are taken for figures of all units, so that cells stay `CELLS_MAX`."""
    return max(1, -(-draws * units // CELLS_MAX))


def order_slopes(slope: Floats, units: int) -> Floats:
    """Return slopes for `compute_unit_effects`: (draw, 1) or (draw, unit), each column ascending.

    Of wide panels only every so many draws are left.
    """
    columns, every = slope.reshape(len(slope), -1), thin_draws(len(slope), units)
    ordered = np.empty((-(-len(slope) // every), columns.shape[1]))
    for start in range(0, columns.shape[1], UNITS_AT_ONCE):
        part = slice(start, start + UNITS_AT_ONCE)
        ordered[:, part] = np.sort(columns[:, part], axis=0)[::every]
    return ordered


def compute_unit_effects(
    ordered: Floats,
    outcome: Floats,
    treatment: Floats,
    period: np.ndarray[tuple[int], np.dtype[np.int64]],
    change: float,
    estimand: Estimand,
    mass: float,
) -> UnitEffects:
    """Summarise the effect on each unit, each in the cell given for it, from the slopes of `order_slopes`."""
    draws = compute_differences(ordered, outcome, treatment, change, estimand)
    if estimand.sign == "saving":
        draws = -draws[::-1]
    lower, upper = find_intervals(draws, mass)
    known = np.isfinite(draws[0])
    with np.errstate(divide="ignore", invalid="ignore"):
        # Standard deviations are counted from the mean, so that nothing is a percentage of them.
        relative = (outcome > 0) & (estimand.outcome != "standardised")
        share = np.where(relative, 100 / outcome, np.nan)
    probability = np.where(known, (draws > 0).mean(axis=0), np.nan)
    return UnitEffects(draws.mean(axis=0), lower, upper, share, probability, period)


def compute_path(
    ordered: Floats, outcome: Floats, treatment: Floats, change: float, estimand: Estimand, mass: float
) -> Path:
    """Return median and interval of a unit's outcome under the change, period by period."""
    draws = outcome + compute_differences(ordered, outcome, treatment, change, estimand)
    lower, upper = find_intervals(draws, mass)
    half = (len(draws) - 1) // 2
    return Path((draws[half] + draws[-1 - half]) / 2, lower, upper)
