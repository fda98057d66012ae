"""Convergence gate: the named checks that a fit must pass to be served."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from arviz_stats.sampling_diagnostics import bfmi, ess, mcse, rhat

from tracestore.manifest import Check, Verdict

MAX_R_HAT = 1.01
MIN_ESS = 400.0
"""Limits of Vehtari, Gelman, Simpson, Carpenter and Bürkner (2021, doi:10.1214/20-BA1221)."""


MIN_BFMI = 0.3
"""Minimum Bayesian fraction of missing information of the energy (Betancourt 2016, arXiv:1604.00695)."""

MAX_MCSE = 0.05
"""Maximum Monte Carlo standard error of an estimand's mean, relative to its posterior standard deviation."""


def judge(
    posterior: xr.Dataset, effects: xr.Dataset, sample_stats: xr.Dataset, *, chains: int, draws: int
) -> Verdict:
    """Check a fit: convergence and effective sample size of parameters and estimands, energy, completeness.

    Parameters
    ----------
    posterior
        All parameters, with dims `(chain, draw, ...)`.
    effects
        Published estimands other than `beta`, with the same leading dims.
    sample_stats
        Sampler statistics, including `diverging` and `energy`.
    chains, draws
        Requested numbers of chains and of draws per chain.

    Returns
    -------
    Verdict
        Each check with its value, its threshold and the variable and coordinate of the value. A check whose
        statistic is missing or not finite has the value None and fails.
    """
    every = posterior.merge(effects)
    estimands = every[[str(name) for name in every.data_vars if name == "beta" or name in effects]]
    return Verdict(
        checks=(
            _statistic("r_hat", rhat, every, {"method": "rank"}, MAX_R_HAT, at_most=True),
            _statistic("ess_bulk", ess, every, {"method": "bulk"}, MIN_ESS, at_most=False),
            _statistic("ess_tail", ess, every, {"method": "tail"}, MIN_ESS, at_most=False),
            _statistic("mcse", _relative_mcse, estimands, {}, MAX_MCSE, at_most=True),
            _divergences(sample_stats),
            _energy(sample_stats),
            _finished_chains(posterior, chains, draws),
            _not_finite(every),
        )
    )


def _relative_mcse(estimands: xr.Dataset) -> xr.Dataset:
    error: xr.Dataset = mcse(estimands, method="mean")  # type: ignore[no-untyped-call]
    return error / estimands.std(["chain", "draw"])


def _energy(sample_stats: xr.Dataset) -> Check:
    if "energy" not in sample_stats or not sample_stats["energy"].size:
        return Check(name="e_bfmi", value=None, threshold=MIN_BFMI, passed=False)
    with np.errstate(all="ignore"):
        fractions: xr.Dataset = bfmi(sample_stats)  # type: ignore[no-untyped-call]
    by_chain = fractions["energy"].to_numpy()
    worst = int(np.where(np.isfinite(by_chain), by_chain, -np.inf).argmin())
    value = float(by_chain[worst])
    if not np.isfinite(value):
        return Check(name="e_bfmi", value=None, threshold=MIN_BFMI, passed=False, worst=f"chain {worst}")
    return Check(
        name="e_bfmi", value=value, threshold=MIN_BFMI, passed=value >= MIN_BFMI, worst=f"chain {worst}"
    )


def _statistic(
    name: str,
    compute: Callable[..., Any],
    posterior: xr.Dataset,
    options: dict[str, str],
    threshold: float,
    *,
    at_most: bool,
) -> Check:
    try:
        # A constant or broken chain yields 0/0, which is reported as a missing statistic, not as a warning.
        with np.errstate(all="ignore"):
            values = compute(posterior, **options)
    except (ValueError, TypeError, KeyError):
        return Check(name=name, value=None, threshold=threshold, passed=False)
    worst: tuple[float, str] | None = None
    for variable in values.data_vars:
        array = values[variable]
        numbers = np.asarray(array.to_numpy(), dtype=float)
        if numbers.size == 0:
            continue
        badness = np.where(np.isfinite(numbers), numbers if at_most else -numbers, np.inf)
        place = np.unravel_index(int(badness.argmax()), numbers.shape)
        if worst is None or badness[place] > worst[0]:
            worst = float(badness[place]), _name(array, place)
    if worst is None or not np.isfinite(worst[0]):
        return Check(
            name=name, value=None, threshold=threshold, passed=False, worst=worst[1] if worst else None
        )
    value = worst[0] if at_most else -worst[0]
    passed = value <= threshold if at_most else value >= threshold
    return Check(name=name, value=value, threshold=threshold, passed=passed, worst=worst[1])


def _name(array: xr.DataArray, place: tuple[Any, ...]) -> str:
    labels = [str(array[dim].to_numpy()[at]) for dim, at in zip(array.dims, place, strict=True)]
    return f"{array.name}[{', '.join(labels)}]" if labels else str(array.name)


def _divergences(sample_stats: xr.Dataset) -> Check:
    if "diverging" not in sample_stats or not sample_stats["diverging"].size:
        return Check(name="divergences", value=None, threshold=0, passed=False)
    by_chain = sample_stats["diverging"].sum("draw").to_numpy()
    total = int(by_chain.sum())
    worst = f"chain {int(by_chain.argmax())}" if total else None
    return Check(name="divergences", value=total, threshold=0, passed=total == 0, worst=worst)


def _finished_chains(posterior: xr.Dataset, chains: int, draws: int) -> Check:
    complete = 0
    if posterior.data_vars and posterior.sizes["draw"] >= draws:
        last = posterior.isel(draw=draws - 1)
        finite = [
            np.isfinite(values.to_numpy()).reshape(values.sizes["chain"], -1).all(axis=1)
            for values in last.data_vars.values()
        ]
        complete = int(np.logical_and.reduce(finite).sum())
    return Check(name="finished_chains", value=complete, threshold=chains, passed=complete == chains)


def _not_finite(posterior: xr.Dataset) -> Check:
    counts = {str(name): int((~np.isfinite(posterior[name])).sum()) for name in posterior.data_vars}
    if not counts:
        return Check(name="not_finite", value=None, threshold=0, passed=False)
    total, worst = sum(counts.values()), max(counts, key=lambda name: counts[name])
    return Check(
        name="not_finite", value=total, threshold=0, passed=total == 0, worst=worst if total else None
    )
