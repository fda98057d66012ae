"""Evidence of a trace for and against its model, made ready for figures (docs/trace-contract.md)."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from dashboard.convergence import CURVE_POINTS, Curve, trace_density
from dashboard.estimands import Floats, inverse, transform
from tracestore.manifest import Manifest, Transform

REPLICATES_SHOWN = 30
CELLS_MOST = 1_500
"""Cells of which Pareto k is shown; of more, those with the largest."""

FAR = 10.0
"""Half widths from the median within which replicated statistics are drawn."""

NEAR = 5.0
"""Posterior standard deviations on either side of its mean within which prior and posterior are compared."""


@dataclass(frozen=True, eq=False)
class Replicates:
    """Density of the outcome in the data and in data the model makes; on a log axis where it is a log's.

    `span` is the part of the axis to look at: the data's own range and as much again on either side.
    """

    observed: Curve
    replicated: tuple[Curve, ...]
    logarithmic: bool
    span: tuple[float, float]


@dataclass(frozen=True, eq=False)
class CheckCurves:
    """One statistic in the data and in replicated data, from the replicated median.

    The unit is half the width of what holds 68 % of the replicates: a standard deviation that a few wild
    ones do not move. A statistic that does not depend on parameters has one value in the data: `observed`
    is then empty and `value` is that.
    """

    name: str
    observed: Curve
    replicated: Curve
    value: float


@dataclass(frozen=True, eq=False)
class Residuals:
    """Autocorrelation of innovations by lag, and what 95 % of independent ones stay within."""

    lags: tuple[int, ...]
    autocorrelation: Floats
    limit: Floats


@dataclass(frozen=True, eq=False)
class ParetoCells:
    """Pareto k of observed cells, the largest first; `total` counts those not shown too."""

    unit: tuple[str, ...]
    period: tuple[int, ...]
    name: tuple[str, ...]
    k: Floats
    total: int


@dataclass(frozen=True, eq=False)
class PriorCurves:
    """Prior and posterior of one parameter near the posterior, in its standard deviations from its mean.

    `contraction` is how much of the prior's variance the data took away.
    """

    name: str
    prior: Curve
    posterior: Curve
    prior_mean: float
    prior_sd: float
    posterior_mean: float
    posterior_sd: float

    @property
    def contraction(self) -> float:
        """One minus the ratio of posterior to prior variance."""
        return 1.0 - (self.posterior_sd / self.prior_sd) ** 2 if self.prior_sd > 0 else float("nan")


def compare_replicates(observed: Floats, replicated: xr.DataArray, kind: Transform) -> Replicates | None:
    """Return densities on the scale of the model; None where the data have no spread.

    Both are in the outcome's units, NaN where not observed.
    """

    def curve(values: Floats) -> Curve:
        with np.errstate(all="ignore"):
            grid, density = trace_density(transform(values.ravel(), kind))
        return inverse(grid, kind), density

    own = curve(observed)
    if own[0].size == 0:
        return None
    low, high = transform(own[0][[0, -1]], kind)
    start, end = inverse(np.array([2 * low - high, 2 * high - low]), kind).tolist()
    shown = replicated.transpose("replicate", "unit", "period")[:REPLICATES_SHOWN]
    return Replicates(
        observed=own,
        replicated=tuple(map(curve, shown.to_numpy().astype(np.float64))),
        logarithmic=kind == "log",
        span=(start, end),
    )


def compare_checks(group: xr.Dataset) -> tuple[CheckCurves, ...]:
    """Return each statistic's densities; `group` has `observed` and `replicated` by check and replicate."""
    curves = []
    for name in group["check"].to_numpy():
        one = group.sel(check=name).astype(np.float64)
        observed, replicated = one["observed"].to_numpy(), one["replicated"].to_numpy()
        middle = np.median(replicated)
        spread = np.ptp(np.quantile(replicated, [0.16, 0.84])) / 2 or 1.0
        standard, made = (observed - middle) / spread, (replicated - middle) / spread
        curves.append(
            CheckCurves(
                name=str(name),
                observed=trace_density(standard),
                replicated=trace_density(made[np.abs(made) <= FAR]),
                value=float(standard.mean()),
            )
        )
    return tuple(curves)


def read_residuals(group: xr.Dataset) -> Residuals | None:
    """Return the autocorrelation by lag; None where no lag could be computed."""
    known = group.isel(lag=np.isfinite(group["autocorrelation"].to_numpy()))
    if known.sizes["lag"] == 0:
        return None
    values, limit = (known[key].to_numpy().astype(np.float64) for key in ("autocorrelation", "limit"))
    return Residuals(tuple(map(int, known["lag"].to_numpy())), values, limit)


def find_cells(pareto_k: xr.DataArray, manifest: Manifest) -> ParetoCells | None:
    """Return the observed cells by Pareto k, the largest first; None where there is none."""
    k = pareto_k.transpose("unit", "period").to_numpy()
    rows, columns = np.nonzero(np.isfinite(k))
    if rows.size == 0:
        return None
    order = np.argsort(-k[rows, columns], kind="stable")[:CELLS_MOST]
    shown, when = rows[order], columns[order]
    return ParetoCells(
        unit=tuple(manifest.units[row].id for row in shown),
        period=tuple(manifest.periods[column] for column in when),
        name=tuple(str(manifest.period_names[column]) for column in when),
        k=k[shown, when],
        total=rows.size,
    )


def compare_priors(prior: xr.Dataset, posterior: xr.Dataset) -> tuple[PriorCurves, ...]:
    """Return prior beside posterior for the scalar parameters that have both."""
    found = []
    for key in prior.data_vars:
        if key not in posterior or set(posterior[key].dims) != {"chain", "draw"}:
            continue
        before, after = (group[key].to_numpy().astype(np.float64).ravel() for group in (prior, posterior))
        mean, sd = float(after.mean()), float(after.std())
        if sd == 0:
            continue
        wide, low = trace_density((before - mean) / sd, 512)
        near = np.linspace(-NEAR, NEAR, CURVE_POINTS)
        level = np.interp(near, wide, low, left=0, right=0) if wide.size else np.zeros_like(near)
        found.append(
            PriorCurves(
                name=str(key),
                prior=(near, level),
                posterior=trace_density((after - mean) / sd),
                prior_mean=float(before.mean()),
                prior_sd=float(before.std()),
                posterior_mean=mean,
                posterior_sd=sd,
            )
        )
    return tuple(found)
