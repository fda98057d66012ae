"""Posterior predictive band: median and interval of a new outcome in each observed cell."""

import numpy as np
import scipy.special
import xarray as xr
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.design.regression import undo_transform
from model_worker.results.expected_outcome import ModelRows, expected_outcome
from model_worker.results.intervals import median_and_interval
from model_worker.results.thinning import thin
from model_worker.study.definition import Study

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MASS = 0.94
DRAWS = 1000
"""Number of draws that the band uses, evenly spaced over all draws."""

_VALUES_AT_ONCE = 4_000_000


def predict_band(study: Study, panel: Panel, posterior: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Return the median and the narrowest interval of a new outcome in each observed cell.

    With AR(1) errors, the prediction conditions on the unit's preceding row. The unit's first row
    conditions on the next row: the process is time-reversible. A unit with a single row has no band.

    Returns
    -------
    xarray.Dataset
        `median`, `lower`, `upper` (unit, period) in the outcome's units, NaN where the cell is unobserved
        or has no band; the attribute `mass` is the interval's mass.
    """
    transform = study.toml.outcome.transform
    rows_given = ModelRows.of(study, panel)
    rows = len(panel.outcome)
    band = np.empty((3, rows))
    value = thin(posterior, DRAWS)
    # All cells share one set of noise, because each cell is only used on its own.
    noise = _noise(value, rng)
    at_once = max(1, _VALUES_AT_ONCE // noise.size)
    for start in range(0, rows, at_once):
        block = slice(start, min(start + at_once, rows))
        outcome = undo_transform(_predict(value, panel, rows_given, block, noise), transform)
        band[:, block] = median_and_interval(outcome, MASS)
    variables = {
        name: (("unit", "period"), panel.grid(values))
        for name, values in zip(("median", "lower", "upper"), band, strict=True)
    }
    coords = {"unit": posterior["unit"], "period": posterior["period"]}
    return xr.Dataset(variables, coords=coords, attrs={"mass": MASS})


def _noise(value: dict[str, Floats], rng: np.random.Generator) -> Floats:
    # Each draw has one innovation, at evenly spaced quantiles of its distribution, for a smooth band.
    count = value["sigma"].size
    share = (rng.permutation(count) + rng.random(count)) / count
    standard = scipy.special.stdtrit(value["nu"], share) if "nu" in value else scipy.special.ndtri(share)
    scaled: Floats = value["sigma"] * standard
    return scaled


def _predict(value: dict[str, Floats], panel: Panel, rows: ModelRows, block: slice, noise: Floats) -> Floats:
    asked = np.arange(block.start, block.stop)
    mean = expected_outcome(value, panel, rows, asked)
    if "rho" not in value:
        return mean + noise
    neighbour, lag = rows.neighbour[asked], rows.lag[asked, None]
    beside = expected_outcome(value, panel, rows, neighbour)
    carried = value["rho"] ** lag
    spread = np.sqrt((1 - carried**2) / (1 - value["rho"] ** 2))
    predicted = mean + carried * (rows.outcome[neighbour, None] - beside) + spread * noise
    return np.where(lag > 0, predicted, np.nan)
