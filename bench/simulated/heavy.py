"""Ranks of true parameters among posterior draws of the default model with Student-t innovations."""

import numpy as np

from model_worker.models.explicit.reference_fit import refer
from model_worker.models.explicit.statistics import StudentStatistics
from model_worker.models.gaussian.conditional_gaussian import ConditionalGaussian
from model_worker.models.gaussian.missingness_patterns import sort_into_patterns
from model_worker.models.prior_scales import LOWEST_NU, LOWEST_RHO, NOISE_SCALE, NU_RATE, SLOPE_SCALE
from simulated.fits import CHAINS, DRAWS, draw_parameters
from simulated.processes import UNITS, autoregress, simulate_treatment
from simulated.ranks import RANKS, SPREAD_SCALE

HEAVY = "default, Student-t innovations"

PARAMETERS = ("slope", "sigma", "rho", "tau", "nu")


def rank_heavy_parameters(periods: int, seed: int) -> dict[str, int]:
    """Do what `simulated.ranks.rank_parameters` does for the other variants."""
    rng = np.random.default_rng([seed, periods, 98])
    truth = {
        "slope": rng.normal(0, SLOPE_SCALE),
        "sigma": abs(rng.normal(0, NOISE_SCALE)),
        "rho": rng.uniform(LOWEST_RHO, 1),
        "tau": abs(rng.normal(0, SPREAD_SCALE)),
        "nu": draw_nu(rng),
    }
    treatment = simulate_treatment(rng, periods)
    treatment /= np.std(treatment - treatment.mean(axis=1, keepdims=True))
    slopes = truth["slope"] + truth["tau"] * rng.normal(size=(UNITS, 1))
    innovations = truth["sigma"] * rng.standard_t(truth["nu"], treatment.shape)
    outcome = slopes * treatment + autoregress(innovations, truth["rho"])
    draws = draw_parameters(reduce_heavy(outcome, treatment), seed)
    thin = np.linspace(0, CHAINS * DRAWS - 1, RANKS - 1).astype(int)
    return {name: int((draws[name][thin] < value).sum()) for name, value in truth.items()}


def draw_nu(rng: np.random.Generator) -> float:
    """Draw degrees of freedom from their prior, Gamma(2, 0.1) above its bound."""
    while (nu := rng.gamma(2, 1 / NU_RATE)) <= LOWEST_NU:
        pass
    return float(nu)


def reduce_heavy(outcome: np.ndarray, treatment: np.ndarray) -> StudentStatistics:
    """Reduce outcome and treatment (units, periods), both on the model's scale."""
    left = treatment - treatment.mean(axis=0) - treatment.mean(axis=1, keepdims=True) + treatment.mean()
    centre = float((left * outcome).sum() / (left**2).sum())
    unit, period = (index.ravel() for index in np.indices(outcome.shape))
    columns = np.column_stack([(outcome - centre * treatment).ravel(), treatment.ravel()])
    periods = outcome.shape[1]
    patterns = sort_into_patterns(unit, period, np.arange(periods), columns, 1)
    gaussian = ConditionalGaussian(patterns, periods, len(outcome), "treatment")
    return refer(gaussian, centre, SPREAD_SCALE, SLOPE_SCALE, autoregressive=True)
