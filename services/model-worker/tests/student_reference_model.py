"""The Student-t model as it is stated, row by row in PyMC: slow to sample, and plainly right."""

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.data.row_order import step_of
from model_worker.design.regression import Design
from model_worker.models.prior_scales import NOISE_SCALE, NU_RATE


def build_naive_student_model(design: Design, panel: Panel, *, mixed: bool) -> pm.Model:
    """Every effect a flat variable; rho too, its prior left out.

    With `mixed`, a unit's first error is a normal whose precision is a gamma variable, `precision`.
    """
    chosen = design.specification
    periods = np.array(panel.periods)
    times = periods[panel.period_index]
    order = np.lexsort((times, panel.unit_index))
    same = panel.unit_index[order][1:] == panel.unit_index[order][:-1]
    rows, before = order[1:][same], order[:-1][same]
    lag = (times[rows] - times[before]) / step_of(periods)
    first = order[np.r_[True, ~same]]
    units = len(panel.units)
    with pm.Model() as model:
        slope = pm.Normal("slope", 0, design.slope_scale)
        sigma = pm.HalfNormal("sigma", NOISE_SCALE)
        nu = pm.Gamma("nu", 2, NU_RATE)
        rho = pm.Flat("rho") if chosen.autoregressive else pt.zeros(())
        mean = pm.Flat("period", shape=len(periods))[panel.period_index]
        mean += pm.Flat("level", shape=units)[panel.unit_index]
        if chosen.own == 2:
            mean += pm.Flat("trend", shape=units)[panel.unit_index] * (times - times.mean())
        if panel.control_names:
            mean += pt.dot(design.regressors[:, 1:], pm.Flat("control", shape=len(panel.control_names)))
        if chosen.random == "treatment":
            tau = pm.HalfNormal("tau", design.spread_scale)
            mean += pm.Normal("deviation", 0, tau, shape=units)[panel.unit_index] * design.regressors[:, 0]
        mean += slope * design.regressors[:, 0]
        expected = mean[rows] + rho**lag * (design.outcome[before] - mean[before])
        scale = sigma * pt.sqrt((1 - rho ** (2 * lag)) / (1 - rho**2))
        pm.StudentT("later", nu=nu, mu=expected, sigma=scale, observed=design.outcome[rows])
        scale, observed = sigma / pt.sqrt(1 - rho**2), design.outcome[first]
        if mixed:
            precision = pm.Gamma("precision", nu / 2, nu / 2, shape=units)
            pm.Normal("first", mean[first], scale / pt.sqrt(precision), observed=observed)
        else:
            pm.StudentT("first", nu=nu, mu=mean[first], sigma=scale, observed=observed)
    return model


def point_of(model: pm.Model, values: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return the model's point for values on their own scales."""
    point = {}
    for name, start in model.initial_point().items():
        plain = name.removesuffix("_log__")
        value = np.asarray(values[plain], dtype=float)
        point[name] = np.log(value) if plain != name else value
        assert point[name].shape == np.shape(start), name
    return point
