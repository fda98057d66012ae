"""What the draws say of their own making: summaries by parameter, ranks, traces, energy."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from arviz_base import rcParams
from arviz_stats.base.array import array_stats

from dashboard.estimands import HDI_MASS, Floats

# Its functions carry no types.
_stats: Any = array_stats

COORDINATES_MOST = 200
"""Coordinates of one variable that are summarised; of more, so many evenly spaced ones."""

RANK_BINS = 20
TRACE_POINTS = 200
"""Draws of a chain that its trace shows, evenly spaced."""

DENSITY_POINTS = 100

TAIL = float(rcParams["stats.ci_prob"])
"""Share of the draws below the upper tail: ArviZ's own, which the gate and an analyst's notebook have too."""


@dataclass(frozen=True)
class ParameterSummary:
    """One scalar parameter, or the coordinate of a vector that has the fewest effective draws.

    Attributes
    ----------
    name
        As in ``unit_effect[CA]``.
    lower, upper
        Highest density interval of mass `HDI_MASS`.
    mcse
        Monte Carlo standard error of the mean.
    coordinates, examined
        How many the variable has, and of how many of them this is the worst.
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
    coordinates: int = 1
    examined: int = 1


@dataclass(frozen=True, eq=False)
class Chains:
    """The chains of one scalar parameter as figures show them.

    Attributes
    ----------
    ranks : (chain, bin)
        Share of the chain's draws that fall in each twentieth of all draws' ranks, times the number of
        bins: 1 everywhere where chains agree (Vehtari et al. 2021, doi:10.1214/20-BA1221).
    draws : (draw,)
        Places of the draws in `traces`.
    traces : (chain, draw)
        In standard deviations from the mean of all draws.
    """

    name: str
    ranks: Floats
    draws: Floats
    traces: Floats


@dataclass(frozen=True, eq=False)
class Energy:
    """Energy of the sampler around its mean, and its steps between draws (Betancourt 2016).

    Attributes
    ----------
    marginal, transition
        Grid and density of each.
    fractions : (chain,)
        The Bayesian fraction of missing information of each chain.
    """

    marginal: tuple[Floats, Floats]
    transition: tuple[Floats, Floats]
    fractions: Floats


def summarise_parameters(
    posterior: xr.Dataset, labels: Mapping[str, tuple[str, ...]]
) -> tuple[ParameterSummary, ...]:
    """Summarise every variable, that with the fewest effective draws first.

    Parameters
    ----------
    posterior
        With dims chain and draw in every variable.
    labels
        Names of coordinates by dim; places where a dim is not among them.
    """
    found = [_summarise(str(name), posterior[name], labels) for name in posterior.data_vars]
    return tuple(sorted(found, key=lambda one: _rank_of(one.ess_bulk, one.ess_tail)))


def follow_chains(posterior: xr.Dataset) -> tuple[Chains, ...]:
    """Give ranks and traces of the scalar parameters, in the order of the data set."""
    scalars = [str(name) for name in posterior.data_vars if set(posterior[name].dims) == {"chain", "draw"}]
    return tuple(_follow(name, posterior[name].transpose("chain", "draw").to_numpy()) for name in scalars)


def weigh_energy(sample_stats: xr.Dataset) -> Energy | None:
    """Give the energy's densities; None where the sampler kept none, or it never changed."""
    if "energy" not in sample_stats:
        return None
    energy = sample_stats["energy"].transpose("chain", "draw").to_numpy().astype(np.float64)
    steps = np.diff(energy, axis=1)
    if steps.size < 2 or not np.all(np.isfinite(energy)) or np.ptp(steps) == 0:
        return None
    centred = energy - energy.mean()
    return Energy(
        marginal=trace_density(centred.ravel()),
        transition=trace_density(steps.ravel()),
        fractions=np.atleast_1d(_stats.bfmi(energy, chain_axis=0, draw_axis=1)),
    )


def trace_density(values: Floats, points: int = DENSITY_POINTS) -> tuple[Floats, Floats]:
    """Give grid and density by ArviZ's kernel estimate; empty where there is nothing to spread."""
    finite = values[np.isfinite(values)]
    if finite.size < 2 or np.ptp(finite) == 0:
        return np.empty(0), np.empty(0)
    grid, density, _ = _stats.kde(finite, grid_len=points)
    return np.asarray(grid, dtype=np.float64), np.asarray(density, dtype=np.float64)


def _summarise(name: str, variable: xr.DataArray, labels: Mapping[str, tuple[str, ...]]) -> ParameterSummary:
    others = [str(dim) for dim in variable.dims if dim not in ("chain", "draw")]
    shape = tuple(variable.sizes[dim] for dim in others)
    total = math.prod(shape)
    places = np.unique(np.linspace(0, total - 1, min(total, COORDINATES_MOST)).astype(int))
    where = dict(zip(others, np.unravel_index(places, shape), strict=True)) if shape else {}
    # Chosen before they are read: a wide panel has more draws than a replica has room for.
    chosen = variable.isel({dim: xr.DataArray(place, dims="place") for dim, place in where.items()})
    chosen = chosen if shape else chosen.expand_dims("place")
    draws = chosen.transpose("chain", "draw", "place").to_numpy().astype(np.float64)
    axes = {"chain_axis": 0, "draw_axis": 1}
    with np.errstate(all="ignore"):
        bulk = np.atleast_1d(_stats.ess(draws, method="bulk", **axes))
        tail = np.atleast_1d(_stats.ess(draws, method="tail", prob=TAIL, **axes))
        worst = int(np.argmin([_rank_of(*pair) for pair in zip(bulk, tail, strict=True)]))
        own = draws[:, :, worst]
        lower, upper = _stats.hdi(own.ravel(), HDI_MASS)
        return ParameterSummary(
            name=name + _name_place({dim: int(place[worst]) for dim, place in where.items()}, labels),
            mean=float(own.mean()),
            sd=float(own.std(ddof=1)),
            lower=float(lower),
            upper=float(upper),
            mcse=float(_stats.mcse(own, method="mean", **axes)),
            ess_bulk=float(bulk[worst]),
            ess_tail=float(tail[worst]),
            r_hat=float(_stats.rhat(own, **axes)),
            coordinates=total,
            examined=places.size,
        )


def _rank_of(*effective: float) -> float:
    """Order by effective draws; a figure that could not be computed is the worst there is."""
    return min(value if np.isfinite(value) else -np.inf for value in effective)


def _name_place(where: Mapping[str, int], labels: Mapping[str, tuple[str, ...]]) -> str:
    if not where:
        return ""
    names = [
        labels[dim][place] if place < len(labels.get(dim, ())) else str(place) for dim, place in where.items()
    ]
    return f"[{', '.join(names)}]"


def _follow(name: str, draws: Floats) -> Chains:
    chains, length = draws.shape
    order = np.empty(draws.size)
    order[np.argsort(draws, axis=None, kind="stable")] = np.arange(draws.size)
    bins = (order.reshape(draws.shape) * RANK_BINS / draws.size).astype(int)
    ranks = np.stack([np.bincount(chain, minlength=RANK_BINS) for chain in bins]) * RANK_BINS / length
    kept = np.unique(np.linspace(0, length - 1, min(length, TRACE_POINTS)).astype(int))
    spread = draws.std() or 1.0
    return Chains(
        name=name,
        ranks=ranks.reshape(chains, RANK_BINS),
        draws=kept.astype(np.float64),
        traces=(draws[:, kept] - draws.mean()) / spread,
    )
