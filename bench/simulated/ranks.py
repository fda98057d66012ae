"""Ranks of true parameters among posterior draws, when they come from their priors and the data from them."""

import numpy as np
import scipy.stats

from model_worker.models.prior_scales import LOWEST_RHO, NOISE_SCALE, SLOPE_SCALE
from simulated.fits import CHAINS, DRAWS, Variant, draw_parameters, reduce_panel
from simulated.processes import UNITS, autoregress, simulate_treatment

BINS = 20
RANKS = 10 * BINS
SPREAD_SCALE = 1.0


def rank_parameters(variant: Variant, periods: int, seed: int) -> dict[str, int]:
    """Rank each parameter of one panel among thinned draws, from 0 to `RANKS` - 1.

    Effects, trends and lags have flat priors, from which nothing can be drawn; the posterior of the other
    parameters does not depend on them, so that they are zero here.
    """
    rng = np.random.default_rng([seed, periods, 99])
    truth = {"slope": rng.normal(0, SLOPE_SCALE), "sigma": abs(rng.normal(0, NOISE_SCALE))}
    rho = rng.uniform(LOWEST_RHO, 1) if variant.autoregressive else 0.0
    tau = abs(rng.normal(0, SPREAD_SCALE)) if variant.random != "none" else 0.0
    treatment = simulate_treatment(rng, periods + variant.lags)
    treatment /= np.std(treatment - treatment.mean(axis=1, keepdims=True))
    present, deviations = treatment[:, variant.lags :], tau * rng.normal(size=(UNITS, 1))
    outcome = truth["sigma"] * autoregress(rng.normal(size=present.shape), rho) + truth["slope"] * present
    outcome += deviations * (present if variant.random == "treatment" else 1.0)
    draws = draw_parameters(reduce_panel(outcome, treatment, variant, SPREAD_SCALE, rng), seed)
    truth |= {"rho": rho} if "rho" in draws else {}
    truth |= {"tau": tau} if "tau" in draws else {}
    thin = np.linspace(0, CHAINS * DRAWS - 1, RANKS - 1).astype(int)
    return {name: int((draws[name][thin] < value).sum()) for name, value in truth.items()}


def judge_uniform(ranks: list[int]) -> float:
    """Return the p-value of a chi-squared test that ranks are uniform."""
    counts, _ = np.histogram(ranks, BINS, (0, RANKS))
    return float(scipy.stats.chisquare(counts).pvalue)
