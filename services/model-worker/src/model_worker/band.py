"""The posterior predictive band: what the model expects of each observed cell."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.design import apply_transform, undo_transform
from model_worker.panel import Panel
from model_worker.study import Study
from tracestore.manifest import Transform

Floats = NDArray[np.float64]

MASS = 0.94
_VALUES_AT_ONCE = 4_000_000


def predict_band(study: Study, panel: Panel, posterior: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Give mean and highest density interval of a new outcome in each observed cell.

    Returns
    -------
    xarray.Dataset
        `mean`, `lower`, `upper` (unit, period) in the outcome's own units, NaN where nothing was
        observed; the interval's mass in the attribute `mass`.
    """
    treatment = apply_transform(panel.treatment, study.toml.treatment.transform)
    rows = len(panel.outcome)
    band = np.empty((3, rows))
    draws = posterior.stack(sample=("chain", "draw"), create_index=False).transpose("sample", ...)
    at_once = max(1, _VALUES_AT_ONCE // draws.sizes["sample"])
    for start in range(0, rows, at_once):
        block = slice(start, min(start + at_once, rows))
        outcome = _predict(draws, panel, treatment, block, study.toml.outcome.transform, rng)
        band[0, block] = outcome.mean(axis=1)
        band[1, block], band[2, block] = narrowest_interval(outcome, MASS)
    variables = {
        name: (("unit", "period"), panel.grid(values))
        for name, values in zip(("mean", "lower", "upper"), band, strict=True)
    }
    coords = {"unit": posterior["unit"], "period": posterior["period"]}
    return xr.Dataset(variables, coords=coords, attrs={"mass": MASS})


def _predict(
    draws: xr.Dataset,
    panel: Panel,
    treatment: Floats,
    block: slice,
    transform: Transform,
    rng: np.random.Generator,
) -> Floats:
    value = {str(name): draws[name].to_numpy() for name in draws.data_vars}
    mean = value["unit_effect"].T[panel.unit_index[block]]
    mean += value["period_effect"].T[panel.period_index[block]]
    mean += value["intercept"] + treatment[block, None] * value["beta"]
    if panel.control_names:
        mean += panel.controls[block] @ value["gamma"].T
    mean += value["sigma"] * rng.standard_normal(mean.shape)
    return undo_transform(mean, transform)


def narrowest_interval(values: Floats, mass: float) -> tuple[Floats, Floats]:
    """Give the ends of the narrowest interval of each row that holds the mass.

    The definition of ArviZ's `hdi` for unimodal distributions, for all rows (rows, draws) at once.
    """
    count = values.shape[1]
    inside = int(np.floor(mass * count))
    ordered = np.sort(values, axis=1)
    widths = ordered[:, inside:] - ordered[:, : count - inside]
    first = widths.argmin(axis=1)
    row = np.arange(len(values))
    return ordered[row, first], ordered[row, first + inside]
