"""Counterfactual outcome of each observed cell under the study's default change."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.design.regression import apply_transform, undo_transform
from model_worker.results.estimand import shift_of_change
from model_worker.results.intervals import median_and_interval
from model_worker.results.predictive_band import MASS
from model_worker.results.thinning import thin
from model_worker.study.definition import Study

Floats = NDArray[np.float64]

DRAWS = 1000
_VALUES_AT_ONCE = 4_000_000


def predict_counterfactual(study: Study, panel: Panel, posterior: xr.Dataset) -> xr.Dataset:
    """Return the median and narrowest interval of the counterfactual outcome.

    The cell's error is kept: the outcome is ``g^-1(g(y) + beta_i (h(x') - h(x)))`` (docs/estimand.md).

    Returns
    -------
    xarray.Dataset
        `median`, `lower`, `upper` (unit, period) in the outcome's units, NaN where the cell is unobserved
        or the change is undefined; attributes `mass`, `change` and `kind`.
    """
    toml = study.toml
    shift = shift_of_change(study, panel.treatment)
    value = thin(posterior, DRAWS)
    slope = value.get("beta_unit", value["beta"][None])
    found = np.full((3, len(shift)), np.nan)
    defined = np.flatnonzero(np.isfinite(shift))
    observed = apply_transform(panel.outcome, toml.outcome.transform)
    at_once = max(1, _VALUES_AT_ONCE // slope.shape[1])
    for start in range(0, len(defined), at_once):
        rows = defined[start : start + at_once]
        own = slope[panel.unit_index[rows]] if len(slope) > 1 else slope
        outcome = undo_transform(observed[rows, None] + own * shift[rows, None], toml.outcome.transform)
        found[:, rows] = median_and_interval(outcome, MASS)
    variables = {
        name: (("unit", "period"), panel.grid(values))
        for name, values in zip(("median", "lower", "upper"), found, strict=True)
    }
    coords = {"unit": posterior["unit"], "period": posterior["period"]}
    change = toml.what_if.change
    return xr.Dataset(
        variables, coords=coords, attrs={"mass": MASS, "change": change.default, "kind": change.kind}
    )
