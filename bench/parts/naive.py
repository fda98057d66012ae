"""The panel model that most would write, under the samplers there are; and the limit, exact draws."""

from importlib.util import find_spec
from time import monotonic

import numpy as np
import pymc as pm
import xarray as xr
from arviz_stats.sampling_diagnostics import ess

from model_worker.data.panel import Panel
from model_worker.design.regression import Design

SAMPLERS = {"pymc": "", "nutpie": "_nutpie", "numpyro": "_numpyro"}
"""Samplers of the naive model, and what their figures' names end in."""


def available(sampler: str) -> str:
    """Return why a sampler cannot be run here; empty where it can."""
    return "" if sampler == "pymc" or find_spec(sampler) else f"{sampler} is not installed"


def effective(slope: np.ndarray) -> float:
    """Return the effective draws of a slope (chain, draw)."""
    return float(ess(xr.Dataset({"slope": (("chain", "draw"), slope)}))["slope"])


def sample_naive(design: Design, panel: Panel, seed: int, sampler: str) -> float:
    """Sample zero-sum effects with learned scales; give effective draws of the slope a second of sampling.

    The seconds are PyMC's own count of them: without compiling, but for numpyro, which compiles inside.
    """
    with pm.Model():
        unit = pm.ZeroSumNormal("unit", pm.HalfNormal("unit_scale", 10), shape=len(panel.units))
        period = pm.ZeroSumNormal("period", pm.HalfNormal("period_scale", 10), shape=len(panel.periods))
        slope = pm.Normal("slope", 0, 2.5)
        mean = pm.Normal("intercept", 0, 10) + unit[panel.unit_index] + period[panel.period_index]
        sigma = pm.HalfNormal("sigma", 2)
        pm.Normal("outcome", mean + slope * design.regressors[:, 0], sigma, observed=design.outcome)
        tree = pm.sample(random_seed=seed, progressbar=False, nuts_sampler=sampler)
    return effective(tree["posterior"]["slope"].to_numpy()) / float(tree["posterior"].attrs["sampling_time"])


def draw_exactly(design: Design, seed: int) -> tuple[float, np.ndarray]:
    """Draw 4 x 1000 slopes of the conjugate model: flat effects and slope, scale-invariant noise.

    Returns
    -------
    tuple
        The seconds, and the draws (chain, draw), which are independent.
    """
    fit = design.least_squares
    rng = np.random.default_rng(seed)
    started = monotonic()
    variance = fit.residual_sum / rng.chisquare(fit.freedom, size=(4, 1000))
    root = np.abs(fit.triangle[0, 0])
    slope = fit.slopes[0] + np.sqrt(variance) / root * rng.standard_normal((4, 1000))
    return monotonic() - started, slope
