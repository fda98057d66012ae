"""The posterior predictive band: what the model expects of each observed cell."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.special
import xarray as xr
from numpy.typing import NDArray

from model_worker.design import apply_transform, lag_columns, undo_transform
from model_worker.panel import Panel
from model_worker.patterns import neighbouring_rows
from model_worker.study import Study
from model_worker.thinning import thin

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MASS = 0.94
DRAWS = 1000
"""Draws that the band is made from, evenly from all."""

_VALUES_AT_ONCE = 4_000_000


def predict_band(study: Study, panel: Panel, posterior: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Give median and highest density interval of a new outcome in each observed cell.

    With AR(1) errors that is the outcome expected beside the one observed before it in the unit, or after
    it for the unit's first: the process is the same in both directions of time. A unit's only row has
    nothing to be expected from and no band.

    Returns
    -------
    xarray.Dataset
        `median`, `lower`, `upper` (unit, period) in the outcome's own units, NaN where nothing was
        observed; the interval's mass in the attribute `mass`.
    """
    transform = study.toml.outcome.transform
    rows_given = Rows.of(study, panel)
    rows = len(panel.outcome)
    band = np.empty((3, rows))
    value = thin(posterior, DRAWS)
    # One set of noise for all cells: each is only ever looked at by itself.
    noise = _noise(value, rng)
    at_once = max(1, _VALUES_AT_ONCE // noise.size)
    for start in range(0, rows, at_once):
        block = slice(start, min(start + at_once, rows))
        outcome = undo_transform(_predict(value, panel, rows_given, block, noise), transform)
        band[:, block] = middle_and_ends(outcome, MASS)
    variables = {
        name: (("unit", "period"), panel.grid(values))
        for name, values in zip(("median", "lower", "upper"), band, strict=True)
    }
    coords = {"unit": posterior["unit"], "period": posterior["period"]}
    return xr.Dataset(variables, coords=coords, attrs={"mass": MASS})


@dataclass(frozen=True)
class Rows:
    """The rows on the model's scale, with their neighbours in time.

    `outcome` and `treatment` (rows,) are transformed, `lags` (rows, lags) as `design.lag_columns` gives
    them, `time` (rows,) is the period's distance from the mean of the panel's periods.
    """

    outcome: Floats
    treatment: Floats
    lags: Floats
    time: Floats
    neighbour: Integers
    lag: Floats

    @classmethod
    def of(cls, study: Study, panel: Panel) -> Self:
        """Take a panel's rows to the model's scale."""
        periods = np.asarray(panel.periods, dtype=np.int64)
        return cls(
            apply_transform(panel.outcome, study.toml.outcome.transform),
            apply_transform(panel.treatment, study.toml.treatment.transform),
            lag_columns(study, panel),
            (periods - periods.mean())[panel.period_index],
            *neighbouring_rows(panel.unit_index, panel.period_index, periods),
        )


def expected_outcome(value: dict[str, Floats], panel: Panel, given: Rows, rows: Integers) -> Floats:
    """Give the model's mean of the transformed outcome (rows, draw), errors apart.

    Parameters
    ----------
    value
        Draws of each parameter with the draws last.
    given
        All rows on the model's scale.
    rows
        The rows asked for.
    """
    units = panel.unit_index[rows]
    mean = value["unit_effect"][units] + value["period_effect"][panel.period_index[rows]]
    slope = value["beta_unit"][units] if "beta_unit" in value else value["beta"]
    mean += value["intercept"] + given.treatment[rows, None] * slope
    if "trend" in value:
        mean += given.time[rows, None] * value["trend"][units]
    if panel.control_names:
        mean += panel.controls[rows] @ value["gamma"]
    if "beta_lag" in value:
        mean += given.lags[rows] @ value["beta_lag"][1:]
    return mean


def _noise(value: dict[str, Floats], rng: np.random.Generator) -> Floats:
    # One innovation for each draw, at evenly spread shares of its distribution: the band is that smooth.
    count = value["sigma"].size
    share = (rng.permutation(count) + rng.random(count)) / count
    standard = scipy.special.stdtrit(value["nu"], share) if "nu" in value else scipy.special.ndtri(share)
    scaled: Floats = value["sigma"] * standard
    return scaled


def _predict(value: dict[str, Floats], panel: Panel, rows: Rows, block: slice, noise: Floats) -> Floats:
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


def middle_and_ends(values: Floats, mass: float) -> Floats:
    """Give median and ends (3, rows) of the narrowest interval of each row (rows, draws) with the mass."""
    ordered = np.sort(values, axis=1)
    count = values.shape[1]
    middle = (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2
    return np.stack([middle, *_narrowest(ordered, mass)])


def narrowest_interval(values: Floats, mass: float) -> tuple[Floats, Floats]:
    """Give the ends of the narrowest interval of each row that holds the mass.

    The definition of ArviZ's `hdi` for unimodal distributions, for all rows (rows, draws) at once.
    """
    return _narrowest(np.sort(values, axis=1), mass)


def _narrowest(ordered: Floats, mass: float) -> tuple[Floats, Floats]:
    count = ordered.shape[1]
    inside = int(np.floor(mass * count))
    widths = ordered[:, inside:] - ordered[:, : count - inside]
    first = widths.argmin(axis=1)
    row = np.arange(len(ordered))
    return ordered[row, first], ordered[row, first + inside]
