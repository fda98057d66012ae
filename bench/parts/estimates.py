"""Least squares with unit and period effects: ours beside the packages that are known for it."""

import statistics
from collections.abc import Callable
from time import monotonic

import numpy as np

from model_worker.design.regression import Design, make_design
from model_worker.design.study_input import StudyInput

Estimate = tuple[float, float]
"""A slope and its standard error, clustered by unit, on the standardised scale."""


def compare_estimates(given: StudyInput, repeats: int) -> dict[str, dict[str, float] | str]:
    """Return slope, clustered error and median seconds of each; the reason where one cannot be run."""
    found: dict[str, dict[str, float] | str] = {}
    for name, prepare in {"ours": _ours, "linearmodels": _linearmodels, "pyfixest": _pyfixest}.items():
        try:
            fit = prepare(given)
        except ImportError as error:
            found[name] = f"cannot be run here: {error}"
            continue
        # The first call may compile.
        slope, error = fit()
        seconds = []
        for _ in range(repeats):
            started = monotonic()
            fit()
            seconds.append(monotonic() - started)
        found[name] = {
            "slope": round(slope, 6),
            "clustered_error": round(error, 6),
            "s": round(statistics.median(seconds), 4),
        }
    return found


def _ours(given: StudyInput) -> Callable[[], Estimate]:
    panel = given.panel

    def fit() -> Estimate:
        design = make_design(given.study, panel)
        return float(design.least_squares.slopes[0]), _clustered(design, panel.unit_index)

    return fit


def _clustered(design: Design, unit: np.ndarray) -> float:
    # Liang and Zeger's sandwich, with the factor of Stata's reghdfe: unit effects lie within the clusters.
    fit, space = design.least_squares, design.space
    y, x = space.residual(design.outcome), space.residual(design.regressors)
    scores = x * (y - x @ fit.slopes)[:, None]
    summed = np.stack([np.bincount(unit, column) for column in scores.T])
    inverse = np.linalg.inv(fit.triangle.T @ fit.triangle)
    clusters, rows = int(unit.max()) + 1, len(y)
    coefficients = x.shape[1] + int(space.period_index.max()) + 1
    factor = clusters / (clusters - 1) * (rows - 1) / (rows - coefficients)
    return float(np.sqrt(factor * (inverse @ (summed @ summed.T) @ inverse)[0, 0]))


def _linearmodels(given: StudyInput) -> Callable[[], Estimate]:
    import pandas as pd
    from linearmodels import PanelOLS

    design, panel = given.design, given.panel
    index = pd.MultiIndex.from_arrays([panel.unit_index, panel.period_index])
    y = pd.Series(design.outcome, index, name="y")
    x = pd.DataFrame({"x": design.regressors[:, 0]}, index)

    def fit() -> Estimate:
        found = PanelOLS(y, x, entity_effects=True, time_effects=True).fit(
            cov_type="clustered", cluster_entity=True
        )
        return float(found.params["x"]), float(found.std_errors["x"])

    return fit


def _pyfixest(given: StudyInput) -> Callable[[], Estimate]:
    import pandas as pd
    import pyfixest

    design, panel = given.design, given.panel
    frame = pd.DataFrame(
        {
            "y": design.outcome,
            "x": design.regressors[:, 0],
            "unit": panel.unit_index,
            "period": panel.period_index,
        }
    )

    def fit() -> Estimate:
        found = pyfixest.feols("y ~ x | unit + period", frame, vcov={"CRV1": "unit"})
        return float(found.coef()["x"]), float(found.se()["x"])

    return fit
