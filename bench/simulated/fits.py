"""Fits of simulated panels by each variant of the model, from arrays instead of a study's files."""

from dataclasses import dataclass
from threading import Event

import numpy as np
from numpy.typing import NDArray

from model_worker.fit.reduction import Reduced
from model_worker.fit.sampling import sample
from model_worker.models.gaussian.conditional_gaussian import ConditionalGaussian, Random
from model_worker.models.gaussian.likelihood import tabulate
from model_worker.models.gaussian.missingness_patterns import MissingnessPattern, sort_into_patterns
from model_worker.models.gaussian.pymc_model import Shape, Statistics, state_constants
from model_worker.models.prior_scales import SLOPE_SCALE

Floats = NDArray[np.float64]

CHAINS, DRAWS, TUNE = 2, 500, 400
PATTERNS = 6
"""In how many ways units miss rows."""


@dataclass(frozen=True)
class Variant:
    """A model, and the holes of the panels it is tried on.

    `own` are the flat columns of each unit (0: pooled levels, 1: level, 2: level and trend), `lags` the
    lags of the treatment, `missing` the share of periods that each pattern of units misses.
    """

    autoregressive: bool
    random: Random
    own: int = 1
    lags: int = 0
    missing: float = 0.0

    @property
    def shape(self) -> Shape:
        """The shape that is compiled for it."""
        levelled = self.autoregressive and self.random == "constant"
        return Shape(self.autoregressive, self.random != "none", levelled)


DEFAULT = "default (AR(1), unit slopes)"
SIMPLE = "independent, common slope"
VARIANTS = {
    DEFAULT: Variant(True, "treatment"),
    "default, a tenth of the periods missing": Variant(True, "treatment", missing=0.1),
    "default, two lags": Variant(True, "treatment", lags=2),
    "AR(1), common slope": Variant(True, "none"),
    "AR(1), common slope, trends": Variant(True, "none", own=2),
    "AR(1), pooled effects": Variant(True, "constant", own=0),
    SIMPLE: Variant(False, "none"),
    "independent, unit slopes": Variant(False, "treatment"),
    "independent, pooled effects": Variant(False, "constant", own=0),
}


def reduce_panel(
    outcome: Floats, treatment: Floats, variant: Variant, spread_scale: float, rng: np.random.Generator
) -> Statistics:
    """Reduce outcome (units, periods) and treatment (units, lags + periods), both on the model's scale."""
    periods = outcome.shape[1]
    present = treatment[:, variant.lags :]
    past = [treatment[:, variant.lags - lag :][:, :periods] - present for lag in range(1, variant.lags + 1)]
    holes = rng.random((PATTERNS, periods)) < variant.missing
    kept = np.flatnonzero(~holes[np.arange(len(outcome)) % PATTERNS].ravel())
    unit, period = (index.ravel()[kept] for index in np.indices(outcome.shape))
    columns = np.column_stack([values.ravel() for values in (outcome, present, *past)])[kept]

    def system_of(own: int, random: Random) -> ConditionalGaussian:
        patterns: tuple[MissingnessPattern, ...] = sort_into_patterns(
            unit, period, np.arange(periods), columns, own
        )
        return ConditionalGaussian(patterns, periods, len(outcome), random)

    plain = system_of(max(variant.own, 1), "none")
    least = plain.profile(np.zeros(1), np.zeros(1))
    xx, xy, yy = (values.item() for values in (least.xx, least.xy, least.yy))
    centre, error = xy / xx, np.sqrt((yy - xy**2 / xx) / xx / plain.freedom)
    columns[:, 0] -= centre * columns[:, 1]
    likelihood = tabulate(system_of(variant.own, variant.random), autoregressive=variant.autoregressive)
    constants = state_constants(likelihood, spread_scale, SLOPE_SCALE, centre, error)
    return Statistics(variant.shape, likelihood.coefficients, constants)


def draw_parameters(statistics: Reduced, seed: int) -> dict[str, Floats]:
    """Sample a reduced panel; parameters on the model's scale, one row of draws each."""
    draws = sample(
        statistics, chains=CHAINS, draws=DRAWS, tune=TUNE, seed=seed, progress=lambda _: None, stop=Event()
    )
    return {name: values.reshape(-1) for name, values in draws.parameters.items()}
