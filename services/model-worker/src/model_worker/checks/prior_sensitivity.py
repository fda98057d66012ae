"""Sensitivity of the posterior to the strength of the prior and of the likelihood.

The method is power scaling (Kallioinen, Paananen, Bürkner and Vehtari 2024, doi:10.1007/s11222-023-10366-5),
as in ArviZ. Importance weights on the existing draws raise each of the two densities to a power near 1.
"""

import numpy as np
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray

from model_worker.checks.priors import proper_priors
from model_worker.design.regression import Design
from model_worker.models.prior_scales import LOWEST_RHO
from tracestore.criticism import Sensitivity

Floats = NDArray[np.float64]

THRESHOLD = 0.05
_POWERS = (0.99, 1.01)


def log_prior_of(design: Design, value: dict[str, Floats]) -> Floats:
    """Return the joint log density, on the model's scale, of all proper priors at draws in data units."""
    priors = proper_priors(design, value)
    terms = [prior.log_density(value[name]) for name, prior in priors.items()]
    total: Floats = np.sum(terms, axis=0)
    return total


def log_likelihood_of(design: Design, value: dict[str, Floats], log_posterior: Floats) -> Floats:
    """Return the log-likelihood at each draw, with effects integrated out, up to a common constant.

    It is the sampler's log density minus the log prior and minus the log Jacobians. `sigma`, `tau` and
    `unit_spread` are sampled as logarithms, `rho` as the logit of its position in the interval.

    Parameters
    ----------
    value
        Draws in the data's units.
    log_posterior
        The sampler's `logp` at each draw.
    """
    volume = np.log(value["sigma"])
    for name in ("tau", "unit_spread"):
        if name in value:
            volume = volume + np.log(value[name])
    if "rho" in value:
        volume = volume + np.log(value["rho"] - LOWEST_RHO) + np.log1p(-value["rho"])
    left: Floats = log_posterior - log_prior_of(design, value) - volume
    return left


def judge_sensitivity(
    parameters: dict[str, Floats], log_prior: Floats, log_likelihood: Floats
) -> list[Sensitivity]:
    """Return each parameter's sensitivity to the prior and to the likelihood; undefined ones are omitted.

    Parameters
    ----------
    parameters
        Draws (draws,) by name.
    log_prior, log_likelihood
        Log densities (draws,) at the same draws, up to a constant.
    """
    draws = np.stack(list(parameters.values()))
    found = [_distances(draws, density) for density in (log_prior, log_likelihood)]
    return [
        Sensitivity(parameter=name, prior=float(prior), likelihood=float(likelihood), threshold=THRESHOLD)
        for name, prior, likelihood in zip(parameters, *found, strict=True)
        if np.isfinite(prior) and np.isfinite(likelihood)
    ]


def _distances(draws: Floats, log_density: Floats) -> Floats:
    weights = []
    for power in _POWERS:
        logarithms = array_stats.power_scale_lw(log_density, alpha=power)  # type: ignore[no-untyped-call]
        weight = np.exp(logarithms - logarithms.max())
        weights.append(np.broadcast_to(weight / weight.sum(), draws.shape)[:, None])
    distances: Floats = array_stats.power_scale_sense(  # type: ignore[no-untyped-call]
        draws[:, None], weights[0], weights[1], lower_alpha=_POWERS[0], upper_alpha=_POWERS[1]
    )
    return distances
