"""How far the posterior moves when the prior or the likelihood is made a little stronger or weaker.

Power scaling (Kallioinen, Paananen, Bürkner and Vehtari 2024, doi:10.1007/s11222-023-10366-5), as ArviZ
has it: both densities are raised to a power near 1 by importance weights on the draws there are.
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
    """Give the log density of all proper priors at draws in the data's units, on the model's scale."""
    priors = proper_priors(design, value)
    terms = [prior.log_density(value[name]) for name, prior in priors.items()]
    total: Floats = np.sum(terms, axis=0)
    return total


def log_likelihood_of(design: Design, value: dict[str, Floats], log_posterior: Floats) -> Floats:
    """Give the log-likelihood, effects integrated out, at each draw, up to one constant for all.

    It is what the sampler's log density leaves once the priors are taken away, and what comes of
    sampling `sigma` and `tau` as logarithms and `rho` as the logit of its share of the interval.

    Parameters
    ----------
    value
        Draws in the data's units.
    log_posterior
        The sampler's `logp` at each of them.
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
    """Give each parameter's sensitivity to prior and likelihood, where it is defined.

    Parameters
    ----------
    parameters
        Draws (draws,) by name.
    log_prior, log_likelihood
        Log densities (draws,) at each of the same draws, up to a constant.
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
