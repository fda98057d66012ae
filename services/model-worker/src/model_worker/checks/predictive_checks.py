"""Posterior predictive checks: realized discrepancies and residuals.

Each statistic is computed for the data and for a replicate under the same draw of parameters and effects
(Gelman, Meng and Stern 1996, Statistica Sinica 6, 733-760). `location`, `spread`, `extremes` and
`residual_autocorrelation` use the innovations in units of their scale. `outcome_mean` and `outcome_sd`
use the outcomes in their units.
"""

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.checks.ar1_whitening import PrecedingRows
from model_worker.checks.posterior_predictive import Replicates
from model_worker.data.panel import Panel
from tracestore.criticism import PredictiveCheck

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SHARES = (0.03, 0.97)
"""Quantiles that enclose 94% of the replicates."""

FEWEST_ROWS = 3
"""Minimum number of rows for a unit's spread to be compared."""

MOST_LAGS = 10


def compare_replicates(
    panel: Panel, replicates: Replicates, *, heavy: bool
) -> dict[str, tuple[Floats, Floats]]:
    """Return each statistic of the data and of the replicates, both (replicates,), by name.

    Parameters
    ----------
    heavy
        True for Student-t errors. Outcomes under a log then have no finite mean, so the mean and standard
        deviation of the outcomes are not compared.
    """
    preceding = PrecedingRows.of(panel)
    statistics: dict[str, Callable[[Floats], Floats]] = {
        "location": lambda values: np.median(values, axis=0) - values.mean(axis=0),
        "spread": lambda values: _uneven_spread(values, panel.unit_index),
        "extremes": lambda values: np.abs(values).max(axis=0),
        "residual_autocorrelation": lambda values: autocorrelate(values, *pairs_at(preceding, 1)),
    }
    both = (replicates.innovation, replicates.replicated_innovation)
    found = {name: (take(both[0]), take(both[1])) for name, take in statistics.items()}
    if not heavy:
        drawn = replicates.outcome.astype(np.float64)
        count = drawn.shape[1]
        found["outcome_mean"] = np.full(count, panel.outcome.mean()), drawn.mean(axis=0)
        found["outcome_sd"] = np.full(count, panel.outcome.std()), drawn.std(axis=0)
    return found


def _uneven_spread(values: Floats, unit_index: Integers) -> Floats:
    # Innovations have mean 0, so a unit's standard deviation is computed around 0.
    counts = np.bincount(unit_index)
    order = np.argsort(unit_index, kind="stable")
    sums = np.add.reduceat(values[order] ** 2, np.r_[0, np.cumsum(counts)[:-1]], axis=0)
    kept = counts >= FEWEST_ROWS
    if kept.sum() < 2:
        return np.full(values.shape[1], np.nan)
    spread = np.sqrt(sums[kept] / counts[kept, None])
    ratio: Floats = spread.max(axis=0) / np.median(spread, axis=0)
    return ratio


def pairs_at(preceding: PrecedingRows, lag: int) -> tuple[Integers, Integers]:
    """Return the pairs (earlier, later) of rows of one unit that are exactly `lag` steps apart."""
    span = int(preceding.step.max()) + lag + 1
    key = preceding.unit * span + preceding.step
    order = np.argsort(key)
    place = np.minimum(np.searchsorted(key[order], key + lag), len(key) - 1)
    later = order[place]
    paired = key[later] == key + lag
    return np.flatnonzero(paired), later[paired]


def autocorrelate(values: Floats, earlier: Integers, later: Integers) -> Floats:
    """Return the autocorrelation (draws,) of innovations (rows, draws) over pairs; NaN without pairs."""
    if not earlier.size:
        return np.full(values.shape[1], np.nan)
    products = np.einsum("rd,rd->d", values[earlier], values[later]) / len(earlier)
    ratio: Floats = products / (values**2).mean(axis=0)
    return ratio


def summarise(name: str, observed: Floats, replicated: Floats) -> PredictiveCheck:
    """Return the summary of a statistic; ties count half in its probability."""
    lower, upper = np.quantile(replicated, SHARES)
    larger = (replicated > observed).mean() + 0.5 * (replicated == observed).mean()
    return PredictiveCheck(
        name=name,
        observed=float(observed.mean()),
        lower=float(lower),
        upper=float(upper),
        probability=float(larger),
    )


def check_group(found: dict[str, tuple[Floats, Floats]]) -> xr.Dataset:
    """Return the group predictive_check: `observed` and `replicated` (check, replicate)."""
    sides = {side: np.stack([pair[place] for pair in found.values()]) for place, side in enumerate(_SIDES)}
    coords = {"check": list(found), "replicate": np.arange(sides["observed"].shape[1])}
    return xr.Dataset({side: (("check", "replicate"), sides[side]) for side in _SIDES}, coords=coords)


_SIDES = ("observed", "replicated")


def residual_group(panel: Panel, posterior: xr.Dataset, innovation: Floats) -> xr.Dataset:
    """Return the group residual from innovations (rows, draws).

    Returns
    -------
    xarray.Dataset
        `innovation` (unit, period), the posterior mean; `autocorrelation` (lag,), the posterior mean, and
        `limit` (lag,), ``1.96 / sqrt(pairs)``, for the lags that have pairs.
    """
    preceding = PrecedingRows.of(panel)
    found = list(_autocorrelations(panel, preceding, innovation))
    variables = {
        "innovation": (("unit", "period"), panel.grid(innovation.mean(axis=1))),
        "autocorrelation": (("lag",), np.array([value for _, value, _ in found])),
        "limit": (("lag",), np.array([limit for _, _, limit in found])),
    }
    lags = np.array([lag for lag, _, _ in found], dtype=np.int64)
    return xr.Dataset(
        variables, coords={"unit": posterior["unit"], "period": posterior["period"], "lag": lags}
    )


def _autocorrelations(
    panel: Panel, preceding: PrecedingRows, innovation: Floats
) -> Iterator[tuple[int, float, float]]:
    for lag in range(1, min(MOST_LAGS, len(panel.periods) - 2) + 1):
        earlier, later = pairs_at(preceding, lag)
        if earlier.size:
            value = autocorrelate(innovation, earlier, later).mean()
            yield lag, float(value), 1.96 / np.sqrt(earlier.size)
