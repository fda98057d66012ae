"""Diagnostics of the sampling: summaries by parameter, ranks, traces, energy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from arviz_base import rcParams
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray

from dashboard.estimands import HDI_MASS, Floats

Curve = tuple[Floats, Floats]
"""The grid of a density, and its height there."""

# Its functions carry no types.
_stats: Any = array_stats

COORDINATES_MOST = 200
"""Coordinates of one variable that are summarised; of more, so many evenly spaced ones."""

RANK_BINS = 20
TRACE_POINTS = 200
"""Draws of a chain that its trace shows, evenly spaced."""

CURVE_POINTS = 100
"""The fewest that ArviZ's kernel estimate takes."""

AXES = {"chain_axis": 0, "draw_axis": 1}


@dataclass(frozen=True)
class ParameterSummary:
    """One scalar parameter, or the coordinate of a vector that has the fewest effective draws.

    `name` is as in ``unit_effect[CA]``; `lower` and `upper` bound the highest density interval of mass
    `HDI_MASS`; `mcse` is of the mean. The variable has `coordinates`, of which `examined` were compared.
    """

    name: str
    mean: float
    sd: float
    lower: float
    upper: float
    mcse: float
    ess_bulk: float
    ess_tail: float
    r_hat: float
    coordinates: int
    examined: int


@dataclass(frozen=True, eq=False)
class Chains:
    """The chains of one scalar parameter as figures show them.

    `ranks`, by chain and bin, are shares of the chain's draws in each twentieth of all draws' ranks, times
    the number of bins: 1 everywhere where chains agree (Vehtari et al. 2021, doi:10.1214/20-BA1221).
    `traces`, by chain and by the places `draws`, are in standard deviations from the mean of all draws.
    """

    name: str
    ranks: Floats
    draws: Floats
    traces: Floats


@dataclass(frozen=True, eq=False)
class Energy:
    """Energy of the sampler around its mean, and its steps between draws (Betancourt 2016).

    `fractions` are the Bayesian fractions of missing information, by chain.
    """

    marginal: Curve
    transition: Curve
    fractions: Floats


def summarise_parameters(
    posterior: xr.Dataset, labels: Mapping[str, tuple[str, ...]]
) -> tuple[ParameterSummary, ...]:
    """Summarize every variable, that with the fewest effective draws first.

    `labels` are names of coordinates by dim; where a dim is not among them, places name its coordinates.
    """
    found = [_summarise(str(name), variable, labels) for name, variable in posterior.data_vars.items()]
    return tuple(sorted(found, key=lambda one: _rank_of(one.ess_bulk, one.ess_tail)))


def follow_chains(posterior: xr.Dataset) -> tuple[Chains, ...]:
    """Return ranks and traces of the scalar parameters, in the order of the data set."""
    found = []
    for name, variable in posterior.data_vars.items():
        if set(variable.dims) != {"chain", "draw"}:
            continue
        draws = variable.transpose("chain", "draw").to_numpy()
        length = draws.shape[1]
        order = draws.argsort(axis=None, kind="stable").argsort().reshape(draws.shape)
        counts = [np.bincount(bins, minlength=RANK_BINS) for bins in order * RANK_BINS // draws.size]
        shown = _space(length, TRACE_POINTS)
        traces = (draws[:, shown] - draws.mean()) / (draws.std() or 1.0)
        ranks = np.stack(counts) * RANK_BINS / length
        found.append(Chains(str(name), ranks, shown.astype(np.float64), traces))
    return tuple(found)


def weigh_energy(sample_stats: xr.Dataset) -> Energy | None:
    """Return the energy's densities; None where the sampler kept none, or it never changed."""
    if "energy" not in sample_stats:
        return None
    energy = sample_stats["energy"].transpose("chain", "draw").to_numpy().astype(np.float64)
    steps = np.diff(energy, axis=1)
    if steps.size < 2 or not np.all(np.isfinite(energy)) or np.ptp(steps) == 0:
        return None
    return Energy(
        marginal=trace_density((energy - energy.mean()).ravel()),
        transition=trace_density(steps.ravel()),
        fractions=np.atleast_1d(_stats.bfmi(energy, **AXES)),
    )


def trace_density(values: Floats, points: int = CURVE_POINTS) -> Curve:
    """Return grid and density by ArviZ's kernel estimate; empty where there is nothing to spread."""
    finite = values[np.isfinite(values)]
    if finite.size < 2 or np.ptp(finite) == 0:
        return np.empty(0), np.empty(0)
    grid, density, _ = _stats.kde(finite, grid_len=points)
    return np.asarray(grid, dtype=np.float64), np.asarray(density, dtype=np.float64)


def _summarise(name: str, variable: xr.DataArray, labels: Mapping[str, tuple[str, ...]]) -> ParameterSummary:
    others = [str(dim) for dim in variable.dims if dim not in ("chain", "draw")]
    shape = tuple(variable.sizes[dim] for dim in others)
    total = math.prod(shape)
    places = _space(total, COORDINATES_MOST)
    where = dict(zip(others, np.unravel_index(places, shape), strict=True)) if shape else {}
    # Chosen before they are read: a wide panel has more draws than a replica has room for.
    chosen = variable.isel({dim: xr.DataArray(place, dims="place") for dim, place in where.items()})
    chosen = chosen if shape else chosen.expand_dims("place")
    draws = chosen.transpose("chain", "draw", "place").to_numpy().astype(np.float64)
    with np.errstate(all="ignore"):
        bulk = np.atleast_1d(_stats.ess(draws, method="bulk", **AXES))
        # ArviZ's own share below the upper tail, which the gate and an analyst's notebook have too.
        tail = np.atleast_1d(_stats.ess(draws, method="tail", prob=rcParams["stats.ci_prob"], **AXES))
        worst = int(np.argmin([_rank_of(*pair) for pair in zip(bulk, tail, strict=True)]))
        own = draws[:, :, worst]
        lower, upper = _stats.hdi(own.ravel(), HDI_MASS)
        at = {dim: int(place[worst]) for dim, place in where.items()}
        names = [labels[dim][at[dim]] if at[dim] < len(labels.get(dim, ())) else str(at[dim]) for dim in at]
        return ParameterSummary(
            name=f"{name}[{', '.join(names)}]" if names else name,
            mean=float(own.mean()),
            sd=float(own.std(ddof=1)),
            lower=float(lower),
            upper=float(upper),
            mcse=float(_stats.mcse(own, method="mean", **AXES)),
            ess_bulk=float(bulk[worst]),
            ess_tail=float(tail[worst]),
            r_hat=float(_stats.rhat(own, **AXES)),
            coordinates=total,
            examined=places.size,
        )


def _rank_of(*effective: float) -> float:
    """Order by effective draws; a figure that could not be computed is the worst there is."""
    return min(value if np.isfinite(value) else -np.inf for value in effective)


def _space(count: int, most: int) -> NDArray[np.int64]:
    """Return at most so many of the places from 0 below `count`, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
