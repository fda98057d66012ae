"""Reference point of the Student-t model: a weighted Gaussian fit near the center of the posterior.

The t distribution is a normal with a gamma precision. Expectation maximization over these precisions
(Lange, Little and Taylor 1989, doi:10.2307/2290063) yields row weights and thus a Gaussian model, whose
restricted likelihood yields rho and kappa. The iteration need not converge: the density in
`model_worker.models.explicit.pymc_model` is exact for any weights.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import NDArray

from model_worker.models.explicit.statistics import BEFORE, StudentShape, StudentStatistics
from model_worker.models.explicit.weighted_gaussian import PaddedRows, WeightedFit, WeightedModel, arrange
from model_worker.models.gaussian.conditional_gaussian import ConditionalGaussian
from model_worker.models.prior_scales import LOWEST_NU, NU_RATE

Floats = NDArray[np.float64]

_ROUNDS = 8


def refer(
    gaussian: ConditionalGaussian,
    centre: float,
    spread_scale: float,
    slope_scale: float,
    *,
    autoregressive: bool,
) -> StudentStatistics:
    """Return the statistics of a panel, with its reference fit.

    Parameters
    ----------
    centre
        Slope whose product with the treatment is already subtracted from the outcome of `gaussian`.
    spread_scale, slope_scale
        Scales of the priors of tau and of the slope.
    """
    rows = arrange(gaussian)
    model = WeightedModel(gaussian, rows, autoregressive=autoregressive)
    seen = rows.observed > 0
    weights, nu = rows.observed.copy(), 30.0
    place = np.array([1.0 if autoregressive else 0.0, -1.0])
    place, fit = model.search(place, weights)
    for _ in range(_ROUNDS):
        squares = fit.residual**2 / fit.variance + fit.leverage
        nu = _degrees(squares[seen])
        weights = np.where(seen, (nu + 1) / (nu + squares), 0.0)
        place, fit = model.search(place, weights)
    found = _statistics(gaussian, rows, autoregressive, place, fit, nu, weights)
    prior = {"centre": np.float64(centre), "slope": np.float64(slope_scale)}
    if found.shape.random:
        prior["widest"] = np.float64(spread_scale)
    return replace(found, data=found.data | prior)


def _degrees(squares: Floats) -> float:
    def objective(excess: float) -> float:
        nu = LOWEST_NU + np.exp(excess)
        constant = scipy.special.gammaln((nu + 1) / 2) - scipy.special.gammaln(nu / 2) - 0.5 * np.log(nu)
        density = squares.size * constant - (nu + 1) / 2 * np.log1p(squares / nu).sum()
        return float(-(density + excess + np.log(nu) - NU_RATE * nu))

    found = scipy.optimize.minimize_scalar(objective, bounds=(-3.0, 5.0), method="bounded")
    return float(LOWEST_NU + np.exp(found.x))


def _statistics(
    gaussian: ConditionalGaussian,
    rows: PaddedRows,
    autoregressive: bool,
    place: Floats,
    fit: WeightedFit,
    nu: float,
    weights: Floats,
) -> StudentStatistics:
    random = gaussian.random != "none"
    shape = StudentShape(
        autoregressive, random, len(rows.own), gaussian.nuisance, gaussian.units, gaussian.basis.shape[1]
    )
    sigma = np.sqrt(fit.variance)
    lift = np.zeros((gaussian.flat + 1, shape.directions + 1))
    lift[:-1, :-1], lift[-1, -1] = gaussian.basis, 1
    root = np.linalg.cholesky(fit.information)
    # The information of a t on its location is (nu + 1) / (nu + 3) of the information its weights imply.
    spread = sigma * np.sqrt((nu + 3) / (nu + 1)) * lift @ np.linalg.inv(root).T
    scalars = [np.log(sigma), np.log(nu - LOWEST_NU)]
    scalars += [place[0]] if autoregressive else []
    scalars += [place[1] + np.log(sigma)] if random else []
    first = (rows.code == 0).astype(float)
    data: dict[str, Any] = {
        "scalars": np.array(scalars),
        "origin": lift @ fit.flat,
        "spread": spread,
        "rows": np.float64(rows.observed.sum()),
        "weights": weights * (1 - first),
        "first": first,
        "period": rows.period,
        "outcome": rows.outcome,
        "treatment": rows.treatment,
        "own": rows.own,
    }
    if gaussian.nuisance:
        data["nuisance"] = rows.nuisance
    if autoregressive:
        data |= {
            f"{name}_before": _before(data[name], axis=2 if name == "own" else 1)
            for name in BEFORE
            if name in data
        }
        counts = np.bincount(rows.code.ravel(), minlength=len(rows.lags) + 2)[: len(rows.lags) + 1]
        data |= {"lags": rows.lags, "counts": counts.astype(float), "code": rows.code}
    else:
        data["observed"] = rows.observed
    return StudentStatistics(shape, data)


def _before(values: Any, axis: int) -> Any:
    result = np.zeros_like(values)
    into, out = [slice(None)] * values.ndim, [slice(None)] * values.ndim
    into[axis], out[axis] = slice(1, None), slice(None, -1)
    result[tuple(into)] = values[tuple(out)]
    return result
