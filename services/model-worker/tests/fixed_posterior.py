"""Panels with errors of a test's choice, and their posterior at parameters that are given, not sampled."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from small_study import StudyFolder

from model_worker.design.study_input import StudyInput, read_input
from model_worker.fit.posterior import recover_posterior
from model_worker.fit.sampling import Draws
from model_worker.settings import Settings

Floats = NDArray[np.float64]

SLOPE = -0.5


def autoregressive(
    rng: np.random.Generator, units: int, periods: int, rho: float, sigma: float = 0.1
) -> Floats:
    """AR(1) errors (units, periods) from their stationary distribution on."""
    errors = np.empty((units, periods))
    errors[:, 0] = rng.normal(0, sigma / np.sqrt(1 - rho**2), units)
    for period in range(1, periods):
        errors[:, period] = rho * errors[:, period - 1] + rng.normal(0, sigma, units)
    return errors


def read_errors(
    folder: StudyFolder, settings: Settings, errors: Floats, model: str, gaps: tuple[int, ...] = ()
) -> StudyInput:
    """A study with effects and these errors (units, periods); every third unit misses the gaps' periods."""
    rng = np.random.default_rng(11)
    units, periods = errors.shape
    unit, period = rng.normal(size=units), rng.normal(size=periods)
    folder.rows = ["state,name,year,sales,tax,income"]
    for i in range(units):
        for t in range(periods):
            tax = np.exp(rng.normal())
            sales = np.exp(3 + unit[i] + period[t] + SLOPE * np.log(tax) + errors[i, t])
            if i % 3 or t not in gaps:
                folder.rows.append(f"U{i:02},Unit {i},{2000 + t},{sales:.10g},{tax:.10g},0")
    folder.text += f"\n[model]\n{model}\n"
    return read_input(folder.write(), settings)


def posterior_at(
    given: StudyInput, *, sigma: float, rho: float | None = None, tau: float | None = None, draws: int = 400
) -> xr.Dataset:
    """Draws of everything else at a slope near least squares, and these parameters in the data's units."""
    design = given.design
    ratio = design.outcome_scale / design.scales[0]
    rng = np.random.default_rng(3)
    fit = design.least_squares
    parameters = {
        "slope": rng.normal(fit.slopes[0], fit.standard_errors[0], (2, draws // 2)),
        "sigma": np.full((2, draws // 2), sigma / design.outcome_scale),
    }
    if rho is not None:
        parameters["rho"] = np.full((2, draws // 2), rho)
    if tau is not None:
        parameters["tau"] = np.full((2, draws // 2), tau / ratio)
    return recover_posterior(Draws(parameters, xr.Dataset()), design, given.panel, rng)
