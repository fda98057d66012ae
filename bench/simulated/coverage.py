"""Coverage: the share of intervals that hold the slope that made the panel."""

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from model_worker.results.intervals import narrowest_interval
from simulated.fits import Variant, draw_parameters, reduce_panel
from simulated.processes import PROCESSES, SLOPE, simulate_treatment

Floats = NDArray[np.float64]

MASS = 0.94
Found = tuple[bool, float]


def simulate(process: str, periods: int, seed: int) -> tuple[Floats, Floats]:
    """Return outcome and treatment (units, periods) of one panel."""
    rng = np.random.default_rng([seed, periods, list(PROCESSES).index(process)])
    treatment = simulate_treatment(rng, periods)
    return PROCESSES[process](rng, treatment), treatment


def cover(process: str, periods: int, variant: Variant, seed: int) -> Found:
    """Return whether the model's interval of one panel holds the slope, and its width."""
    outcome, treatment = simulate(process, periods, seed)
    y_scale, x_scale = _spread(outcome), _spread(treatment)
    rng = np.random.default_rng(seed)
    statistics = reduce_panel(outcome / y_scale, treatment / x_scale, variant, 1.0, rng)
    slope = draw_parameters(statistics, seed)["slope"] * y_scale / x_scale
    lower, upper = (ends.item() for ends in narrowest_interval(slope[None], MASS))
    return lower <= SLOPE <= upper, upper - lower


def cover_by_clusters(process: str, periods: int, seed: int) -> Found:
    """Return the same of least squares with standard errors clustered by unit, Student's t with units - 1."""
    outcome, treatment = simulate(process, periods, seed)
    units, x = len(outcome), _residual(treatment)
    slope = (x * outcome).sum() / (x**2).sum()
    left = _residual(outcome) - slope * x
    rows, coefficients = outcome.size, units + periods
    factor = units / (units - 1) * (rows - 1) / (rows - coefficients)
    error = np.sqrt(factor * ((x * left).sum(axis=1) ** 2).sum()) / (x**2).sum()
    half = float(scipy.stats.t.ppf(0.5 + MASS / 2, units - 1) * error)
    return abs(slope - SLOPE) <= half, 2 * half


def _residual(values: Floats) -> Floats:
    left: Floats = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    return left


def _spread(values: Floats) -> float:
    rows = values.size - sum(values.shape) + 1
    return float(np.sqrt((_residual(values) ** 2).sum() / rows))
