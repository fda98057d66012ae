"""Bayesian panel model in PyMC, with all Gaussian effects integrated out.

On the standardized scale of `model_worker.design.regression`, for unit i and period t::

    y_it = a_i + l_t + b_i x_it + c'w_it + u_it,   b_i ~ Normal(b, tau**2)
    u_it = rho**k u_is + e_it,   e_it ~ Normal(0, sigma**2 (1 - rho**(2 k)) / (1 - rho**2))

with `s` the unit's previous period, `k` steps earlier, and the first error from the stationary
distribution. The effects `a` and `l` and the slopes `c` of the controls have flat priors.
`model_worker.models.gaussian.likelihood` computes the marginal likelihood, and
`model_worker.models.gaussian.conditional_gaussian` draws the integrated-out effects.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm  # type: ignore[import-untyped]
import pytensor.tensor as pt
from numpy.typing import NDArray

from model_worker.models.gaussian.likelihood import Likelihood
from model_worker.models.prior_scales import LOWEST_RHO, NOISE_SCALE

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """Parameters of a model; one compiled model serves every panel of a shape."""

    autoregressive: bool
    random: bool
    levelled: bool = False
    """True if the random column is the units' level and errors are persistent."""


@dataclass(frozen=True)
class Statistics:
    """Data of a panel for the compiled model.

    `coefficients` are those of `Likelihood`. `constants` (8,) are freedom, informed, root, vanishing, the
    prior scales of spread and slope, and the center and scale of the slope, which are its least-squares
    estimate and standard error.
    """

    shape: Shape
    coefficients: Floats
    constants: Floats


def state_constants(
    likelihood: Likelihood, spread_scale: float, slope_scale: float, centre: float, scale: float
) -> Floats:
    """Return the constants (8,) of `Statistics`."""
    facts = (likelihood.freedom, likelihood.informed, likelihood.root, likelihood.vanishing)
    return np.array([*(float(fact) for fact in facts), spread_scale, slope_scale, centre, scale])


def build_model(statistics: Statistics) -> pm.Model:
    """Build the model of a shape.

    The free variables are `whitened`, the slope's distance from least squares in standard errors, which
    does not change the slope's prior; `sigma`; `persistence`, the logit of rho on its interval, so that
    rho is uniform; and `tau`. The data are `pymc.Data`.
    """
    shape = statistics.shape
    # Transforms already bound the variables; bound checks would only enlarge the compiled graph.
    with pm.Model(check_bounds=False) as model:
        coefficients = pm.Data("coefficients", statistics.coefficients)
        constants = pm.Data("constants", statistics.constants)
        freedom, informed, root, vanishing, widest, slope, centre, scale = (
            constants[place] for place in range(8)
        )
        whitened = pm.Normal("whitened", mu=-centre / scale, sigma=slope / scale)
        sigma = pm.HalfNormal("sigma", NOISE_SCALE)
        functions, added, spread = coefficients, 0.0, 1 / sigma
        if shape.autoregressive:
            persistence = pm.Logistic("persistence", 0, 1)
            # 1 - rho is (1 - LOWEST_RHO) sin(angle / 2)**4; log_share is the logarithm of sin(angle / 2)**2.
            log_share = -0.5 * pt.softplus(persistence)
        if shape.levelled:
            log_distance = 2 * log_share + np.log(1 - LOWEST_RHO)
            added -= vanishing * log_distance
            spread *= pt.exp(0.5 * log_distance) * pt.sqrt(2 - pt.exp(log_distance))
        if shape.random:
            tau = pm.HalfNormal("tau", widest)
            scaled = tau * root * spread
            angle = 2 * pt.arctan(1 / pt.sqrt(scaled))
            functions = _sum_series(functions, coefficients.shape[2], angle)
            added += 2 * informed * pt.log1p(scaled)
        else:
            functions = functions[:, :, 0]
        if shape.autoregressive:
            angle = 2 * pt.arctan(pt.exp(0.5 * (log_share - pt.log(-pt.expm1(log_share)))))
            functions = _sum_series(functions, coefficients.shape[1], angle)
        else:
            functions = functions[:, 0]
        determinant, yy, xy, xx = (functions[place] for place in range(4))
        moved = scale * whitened
        square = yy - 2 * moved * xy + moved**2 * xx
        pm.Potential(
            "likelihood",
            -0.5 * (2 * freedom * pt.log(sigma) + determinant + added + square / sigma**2),
        )
    return model


def _sum_series(coefficients: Any, count: Any, angle: Any) -> Any:
    orders = pt.arange(count)  # type: ignore[no-untyped-call]
    return pt.dot(coefficients, pt.cos(orders * angle))  # type: ignore[no-untyped-call]


def rho_of(persistence: Floats) -> Floats:
    """Return rho for draws of its logit; rho stays below 1 within double precision."""
    share = 1 / (1 + np.exp(persistence))
    return 1 - (1 - LOWEST_RHO) * np.maximum(share, 1e-13)
