"""Proper priors of the model's parameters, on the model's scale and in the data's units."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats
import xarray as xr
from numpy.typing import NDArray

from model_worker.design.regression import Design
from model_worker.models.prior_scales import LOWEST_NU, LOWEST_RHO, NOISE_SCALE, NU_RATE, NU_SHAPE

Floats = NDArray[np.float64]

PRIOR_DRAWS = 4000


@dataclass(frozen=True)
class Prior:
    """A parameter's prior on the standardized scale; `unit` converts that scale to the data's units."""

    distribution: Any
    unit: float

    def log_density(self, values: Floats) -> Floats:
        """Return the log density, on the standardized scale, of values in the data's units."""
        density: Floats = self.distribution.logpdf(values / self.unit)
        return density

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """Return `count` draws in the data's units."""
        drawn: Floats = self.unit * self.distribution.rvs(count, random_state=rng)
        return drawn


def proper_priors(design: Design, parameters: Iterable[str]) -> dict[str, Prior]:
    """Return the proper priors among the priors of `parameters`, by name."""
    scale, ratio = design.outcome_scale, design.outcome_scale / design.scales[0]
    widest = design.spread_scale
    every = {
        "beta": Prior(scipy.stats.norm(0, design.slope_scale), ratio),
        "sigma": Prior(scipy.stats.halfnorm(0, NOISE_SCALE), scale),
        "tau": Prior(scipy.stats.halfnorm(0, widest), ratio),
        "rho": Prior(scipy.stats.uniform(LOWEST_RHO, 1 - LOWEST_RHO), 1.0),
        "nu": Prior(_nu(), 1.0),
        "unit_spread": Prior(scipy.stats.halfnorm(0, widest), scale),
    }
    asked = set(parameters)
    return {name: prior for name, prior in every.items() if name in asked}


def _nu() -> Any:
    # SciPy's new distributions support truncation but lack a gamma, so `_Above` truncates an old one.
    return _Above(scipy.stats.gamma(NU_SHAPE, scale=1 / NU_RATE), LOWEST_NU)


@dataclass(frozen=True)
class _Above:
    # A distribution truncated from below at `bound`.
    whole: Any
    bound: float

    def logpdf(self, values: Floats) -> Floats:
        inside = np.where(values > self.bound, self.whole.logpdf(values), -np.inf)
        density: Floats = inside - self.whole.logsf(self.bound)
        return density

    def rvs(self, count: int, random_state: np.random.Generator) -> Floats:
        drawn: Floats = self.whole.isf(random_state.random(count) * self.whole.sf(self.bound))
        return drawn


def draw_priors(design: Design, posterior: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Return the group prior: draws (chain, draw) of the posterior's parameters that have proper priors."""
    priors = proper_priors(design, (str(name) for name in posterior.data_vars))
    drawn = {name: (("chain", "draw"), prior.draw(PRIOR_DRAWS, rng)[None]) for name, prior in priors.items()}
    return xr.Dataset(drawn, coords={"chain": np.arange(1), "draw": np.arange(PRIOR_DRAWS)})
