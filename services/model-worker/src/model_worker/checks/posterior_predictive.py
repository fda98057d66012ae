"""Posterior predictive replicates of a panel, and the observed panel's innovations for the same draws."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.checks.ar1_whitening import Ar1Coefficients, PrecedingRows, accumulate_errors, whiten_errors
from model_worker.data.panel import Panel
from model_worker.design.regression import undo_transform
from model_worker.results.expected_outcome import ModelRows, expected_outcome
from model_worker.results.thinning import thin
from model_worker.study.definition import Study

Floats = NDArray[np.float64]

MOST_REPLICATES = 200
MOST_VALUES = 4_000_000
FEWEST_REPLICATES = 20
"""Minimum for an informative check; a panel too large for so many replicates gets none."""

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Replicates:
    """Replicated panels and the observed panel's innovations, for the same draws.

    Attributes
    ----------
    innovation, replicated_innovation : (rows, replicates)
        Innovations of the data and of the replicates, in units of their scale `sigma`.
    outcome : (rows, replicates)
        Replicated outcomes in the data's units, single precision.
    """

    innovation: Floats
    replicated_innovation: Floats
    outcome: NDArray[np.float32]


def count_replicates(panel: Panel) -> int:
    """Return the number of replicates of a panel; 0 if the panel is too large."""
    count = min(MOST_REPLICATES, MOST_VALUES // (len(panel.units) * len(panel.periods)))
    return count if count >= FEWEST_REPLICATES else 0


def draw_replicates(
    study: Study, panel: Panel, posterior: xr.Dataset, rng: np.random.Generator
) -> Replicates:
    """Return replicates: effects from the posterior, new errors from each unit's first observed row on."""
    value = thin(posterior, count_replicates(panel))
    rows, preceding = ModelRows.of(study, panel), PrecedingRows.of(panel)
    expected = expected_outcome(value, panel, rows, np.arange(len(panel.outcome)))
    ar1 = Ar1Coefficients.of(preceding, value.get("rho"))
    innovation = whiten_errors(rows.outcome[:, None] - expected, preceding, ar1, value["sigma"])
    drawn = rng.standard_t(value["nu"], expected.shape) if "nu" in value else rng.normal(size=expected.shape)
    errors = accumulate_errors(drawn, preceding, ar1, value["sigma"])
    with np.errstate(over="ignore"):
        outcome = undo_transform(expected + errors, study.toml.outcome.transform)
    return Replicates(innovation, drawn, np.clip(outcome, -_LARGEST, _LARGEST).astype(np.float32))


def posterior_predictive_group(panel: Panel, posterior: xr.Dataset, replicates: Replicates) -> xr.Dataset:
    """Return the group posterior_predictive: `outcome` (replicate, unit, period)."""
    count = replicates.outcome.shape[1]
    grid = np.full((count, len(panel.units), len(panel.periods)), np.nan, dtype=np.float32)
    grid[:, panel.unit_index, panel.period_index] = replicates.outcome.T
    coords = {"replicate": np.arange(count), "unit": posterior["unit"], "period": posterior["period"]}
    return xr.Dataset({"outcome": (("replicate", "unit", "period"), grid)}, coords=coords)
