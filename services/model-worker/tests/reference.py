"""The model as it is stated, in PyMC with every effect and slope explicit: slow, and plainly right."""

import numpy as np
import pymc as pm
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.design.regression import Design
from model_worker.models.prior_scales import NOISE_SCALE

Floats = NDArray[np.float64]

WIDE = 1e3
"""Stands for the flat priors of effects and controls, in standardised units."""


def stationary_covariance(panel: Panel, unit: int, rho: float) -> tuple[NDArray[np.int64], Floats]:
    """Rows of a unit, and the covariance of its AR(1) errors for innovations of variance 1."""
    rows = np.flatnonzero(panel.unit_index == unit)
    times = np.array(panel.periods)[panel.period_index[rows]]
    return rows, rho ** np.abs(times[:, None] - times) / (1 - rho**2)


def set_rho(model: pm.Model, panel: Panel, rho: float) -> None:
    for unit in range(len(panel.units)):
        model.set_data(f"covariance_{unit}", stationary_covariance(panel, unit, rho)[1])


def build_naive_model(design: Design, panel: Panel) -> pm.Model:
    """The model at a rho that `set_rho` sets, its other parameters and all effects free."""
    chosen = design.specification
    units, periods = len(panel.units), len(panel.periods)
    times = np.array(panel.periods, dtype=float)
    time = ((times - times.mean()) / np.ptp(times))[panel.period_index]
    with pm.Model() as model:
        slope = pm.Normal("slope", 0, design.slope_scale)
        sigma = pm.HalfNormal("sigma", NOISE_SCALE)
        period = pm.Normal("period", 0, WIDE, shape=periods)
        mean = period[panel.period_index]
        if chosen.own:
            mean = mean + pm.Normal("unit", 0, WIDE, shape=units)[panel.unit_index]
        if chosen.own == 2:
            mean = mean + pm.Normal("trend", 0, WIDE, shape=units)[panel.unit_index] * time
        if design.regressors.shape[1] > 1:
            control = pm.Normal("control", 0, WIDE, shape=design.regressors.shape[1] - 1)
            mean = mean + design.regressors[:, 1:] @ control
        if chosen.random != "none":
            tau = pm.HalfNormal("tau", design.spread_scale)
            deviation = pm.Normal("deviation", 0, tau, shape=units)[panel.unit_index]
            mean = mean + deviation * (design.regressors[:, 0] if chosen.random == "treatment" else 1.0)
        mean = mean + slope * design.regressors[:, 0]
        for unit in range(units):
            rows, covariance = stationary_covariance(panel, unit, 0.0)
            covariance = pm.Data(f"covariance_{unit}", covariance)
            pm.MvNormal(
                f"outcome_{unit}", mean[rows], cov=sigma**2 * covariance, observed=design.outcome[rows]
            )
    return model
