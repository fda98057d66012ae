"""The effect that readers ask for: what the outcome would have been under another treatment.

With the outcome's transform g, the treatment's transform f and the slope beta, a treatment x' in place
of x gives y' = g^-1(g(y) + beta (f(x') - f(x))), holding everything else of that unit and period as it
was observed. The effect is y' - y, and with the sign "saving" its negative (docs/estimand.md).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray

from tracestore.manifest import Transform, WhatIf

Floats = NDArray[np.float64]
Sign = Literal["saving", "gain", "change"]

# Its functions carry no types.
_stats: Any = array_stats

HDI_MASS = 0.94
"""The mass of intervals unless the reader asks for another: the one of the model's band."""

UNITS_AT_ONCE = 64
"""Units treated in one step, so that a wide panel needs no further array of all draws by all units."""


@dataclass(frozen=True)
class Estimand:
    """The question to a study: its transforms, the kind of change, and the sign that counts as positive."""

    outcome: Transform
    treatment: Transform
    kind: Literal["percent", "units"]
    sign: Sign


@dataclass(frozen=True, eq=False)
class Effect:
    """The posterior of an effect, in the outcome's units.

    Attributes
    ----------
    mean, lower, upper
        Posterior mean, and the bounds of the highest density interval of mass `mass`.
    probability
        Share of draws in which the effect, with its sign, is above zero.
    ordered : (draw,)
        The draws, from the smallest to the largest.
    """

    mean: float
    lower: float
    upper: float
    probability: float
    ordered: Floats
    mass: float

    @property
    def is_point(self) -> bool:
        """Return whether all draws agree, so that there is no density."""
        return not self.ordered[-1] > self.ordered[0]

    @cached_property
    def curve(self) -> tuple[Floats, Floats]:
        """Return points over the draws' range and the kernel density estimate there; empty for a point."""
        if self.is_point:
            return np.empty(0), np.empty(0)
        # The default bandwidth takes six times as long, for a curve that differs by 0.6 % of its peak.
        grid, density, _ = _stats.kde(self.ordered, grid_len=200, bw="silverman")
        return grid, density

    def share_between(self, lower: float, upper: float) -> float:
        """Return the share of draws from `lower` to `upper`, both included."""
        first = np.searchsorted(self.ordered, lower, side="left")
        return float(np.searchsorted(self.ordered, upper, side="right") - first) / self.ordered.size


class EffectUndefined(ValueError):
    """The change leads where the model's transforms are not defined; `units` are their positions."""

    def __init__(self, message: str, units: tuple[int, ...]) -> None:
        super().__init__(message)
        self.units = units


def transform(values: Floats, kind: Transform) -> Floats:
    """Map values to the scale on which the model is linear."""
    return np.log(values) if kind == "log" else values


def inverse(values: Floats, kind: Transform) -> Floats:
    """Map values back from the scale on which the model is linear."""
    with np.errstate(over="ignore"):
        return np.exp(values) if kind == "log" else values


def compute_shift(treatment: Floats, change: float, estimand: Estimand) -> Floats:
    """Return f(x') - f(x) by cell, computed so that a change of nothing shifts nothing.

    It is NaN where f is the logarithm and x' is not above zero.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        by_percent = estimand.kind == "percent"
        if estimand.treatment == "log":
            shift = np.log1p(change / 100.0 if by_percent else change / treatment)
        else:
            shift = treatment * (change / 100.0) if by_percent else np.full_like(treatment, change)
        return np.where(np.isfinite(shift) & np.isfinite(treatment), shift, np.nan)


def compute_difference(outcome: Floats, step: Floats, kind: Transform) -> Floats:
    """Return g^-1(g(y) + step) - y, without the rounding error that the difference of two outcomes has.

    The outcome y is by cell; the step, on the scale on which the model is linear, by draw and cell.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return outcome * np.expm1(step) if kind == "log" else step + 0.0 * outcome


def compute_draws(
    slope: Floats, outcome: Floats, treatment: Floats, change: float, estimand: Estimand
) -> Floats:
    """Return the draws of the effect, summed over the units given, with the estimand's sign.

    Parameters
    ----------
    slope : (draw,) or (draw, unit)
        Posterior draws of beta, one for all units or each unit's own.
    outcome, treatment : (unit,)
        Observed values y and x, in their own units.

    Raises
    ------
    EffectUndefined
        Where x' has no logarithm, or y' is too large to be represented.
    """
    shift = compute_shift(treatment, change, estimand)
    if estimand.treatment == "log" and np.isnan(shift).any():
        raise EffectUndefined(
            "the change brings the treatment to zero or below, where its logarithm is not defined",
            tuple(int(unit) for unit in np.flatnonzero(np.isnan(shift))),
        )
    by_unit = slope.reshape(len(slope), -1)
    total = np.zeros(len(slope))
    for start in range(0, outcome.size, UNITS_AT_ONCE):
        part = slice(start, start + UNITS_AT_ONCE)
        own = by_unit[:, part] if slope.ndim == 2 else by_unit
        total += compute_difference(outcome[part], own * shift[part], estimand.outcome).sum(axis=1)
    if not np.all(np.isfinite(total)):
        raise EffectUndefined("the change leads to outcomes too large to be represented", ())
    return -total if estimand.sign == "saving" else total


def summarise(draws: Floats, mass: float = HDI_MASS) -> Effect:
    """Summarise the draws of an effect; its density is estimated where it is shown."""
    ordered = np.sort(draws)
    ordered.setflags(write=False)
    lower, upper = _stats.hdi(ordered, mass)
    return Effect(
        mean=float(draws.mean()),
        lower=float(lower),
        upper=float(upper),
        probability=float((draws > 0).mean()),
        ordered=ordered,
        mass=mass,
    )


def find_intervals(ordered: Floats, mass: float) -> tuple[Floats, Floats]:
    """Find the highest density interval of each column of draws that are in order already.

    The narrowest that holds a share `mass` of the draws, as `arviz_stats` has it for one column (Hyndman
    1996, doi:10.1080/00031305.1996.10474359), for all columns at once and without sorting.

    Parameters
    ----------
    ordered : (draw, ...)
        Ascending along the first axis.
    """
    draws = len(ordered)
    inside = min(int(mass * draws), draws - 1)
    start = np.argmin(ordered[inside:] - ordered[: draws - inside], axis=0)
    lower = np.take_along_axis(ordered, start[None], axis=0)[0]
    upper = np.take_along_axis(ordered, start[None] + inside, axis=0)[0]
    return lower, upper


def estimand_of(what_if: WhatIf, outcome: Transform, treatment: Transform, sign: Sign) -> Estimand:
    """Build the estimand of a study card's parts."""
    return Estimand(outcome=outcome, treatment=treatment, kind=what_if.kind, sign=sign)
