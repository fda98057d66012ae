"""Recovery of the full posterior, in the data's units, from draws of the sampled parameters."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.design.regression import Design
from model_worker.fit.sampling import Draws
from model_worker.models.gaussian.conditional_gaussian import Effects

Floats = NDArray[np.float64]


def recover_posterior(draws: Draws, design: Design, panel: Panel, rng: np.random.Generator) -> xr.Dataset:
    """Draw the integrated-out effects conditional on each draw, and rescale all parameters to data units.

    The conditional is Gaussian and sampled exactly, so the results are draws from the joint posterior.
    Effects that were sampled are only rescaled.

    Returns
    -------
    xarray.Dataset
        Group posterior of docs/trace-contract.md. The mean of the transformed outcome is
        ``intercept + unit_effect + period_effect + slope * transformed treatment + gamma . controls``.
        The slope is `beta_unit` where present and `beta` otherwise. Lags add
        ``beta_lag[lag] * (transformed treatment at the lag - transformed treatment)``, and unit trends add
        ``trend * (period - mean of the periods)``.
    """
    flat = {name: values.reshape(-1) for name, values in draws.parameters.items()}
    slope, sigma = flat["slope"], flat["sigma"]
    rho, tau = flat.get("rho", np.zeros_like(slope)), flat.get("tau", np.zeros_like(slope))
    centred = slope - design.least_squares.slopes[0]
    if draws.effects is None:
        effects = design.gaussian.draw_effects(centred, sigma, rho, tau / sigma, rng)
    else:
        effects = draws.effects.sort(design.gaussian)
    scale, ratio = design.outcome_scale, design.outcome_scale / design.scales[0]
    variables = {"beta": slope * ratio, "sigma": sigma * scale}
    if design.specification.autoregressive:
        variables["rho"] = rho
    if "nu" in flat:
        variables["nu"] = flat["nu"]
    level, trend = _lines(design, effects, panel)
    unit = level * scale
    if design.specification.random == "treatment":
        deviation = effects.random * ratio
        variables["tau"] = tau * ratio
        variables["beta_unit"] = variables["beta"][:, None] + deviation
        unit -= deviation * design.centres[0]
    elif design.specification.random == "constant":
        variables["unit_spread"] = tau * scale
        unit += effects.random * scale
    gamma = effects.nuisance * scale / design.scales[1:]
    period = effects.period * scale
    if design.specification.own == 2:
        variables["trend"] = trend * scale
    intercept = design.outcome_centre - variables["beta"] * design.centres[0] - gamma @ design.centres[1:]
    variables["intercept"] = intercept + unit.mean(axis=1) + period.mean(axis=1)
    variables["unit_effect"] = unit - unit.mean(axis=1, keepdims=True)
    variables["period_effect"] = period - period.mean(axis=1, keepdims=True)
    controls = len(panel.control_names)
    if controls:
        variables["gamma"] = gamma[:, :controls]
    if panel.lagged is not None:
        later = gamma[:, controls:]
        first = variables["beta"] - later.sum(axis=1)
        variables["beta_lag"] = np.column_stack([first, later])
    return _dataset(variables, draws.parameters["slope"].shape, panel)


def _lines(design: Design, effects: Effects, panel: Panel) -> tuple[Floats, Floats]:
    periods = np.asarray(panel.periods, dtype=np.int64)
    level = np.zeros((len(effects.period), len(panel.units)))
    trend = np.zeros_like(level)
    for moment, own in zip(design.gaussian.moments, effects.own, strict=True):
        pattern = moment.pattern
        times = periods[pattern.places]
        if pattern.flat.shape[1]:
            level[:, pattern.units] = own[:, :, 0] * pattern.flat[0, 0]
        if pattern.flat.shape[1] == 2:
            slope = own[:, :, 1] * (pattern.flat[-1, 1] - pattern.flat[0, 1]) / (times[-1] - times[0])
            trend[:, pattern.units] = slope
            level[:, pattern.units] += slope * (periods.mean() - times.mean())
    return level, trend


_DIMS = {
    "beta_unit": ("unit",),
    "unit_effect": ("unit",),
    "trend": ("unit",),
    "period_effect": ("period",),
    "gamma": ("control",),
    "beta_lag": ("lag",),
}


def _dataset(variables: dict[str, Floats], shape: tuple[int, ...], panel: Panel) -> xr.Dataset:
    data = {
        name: (("chain", "draw", *_DIMS.get(name, ())), values.reshape(*shape, *values.shape[1:]))
        for name, values in variables.items()
    }
    coords: dict[str, object] = {
        "chain": np.arange(shape[0]),
        "draw": np.arange(shape[1]),
        "unit": [member.id for member in panel.units],
        "period": list(panel.periods),
    }
    if panel.control_names:
        coords["control"] = list(panel.control_names)
    if panel.lagged is not None:
        coords["lag"] = np.arange(panel.lagged.shape[1] + 1)
    return xr.Dataset(data, coords=coords)
