"""Ordinary least squares with unit effects, period effects and unit trends, for unbalanced panels too."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from model_worker.design.trend_space import Space

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class LeastSquares:
    """Least-squares fit, with the sufficient statistics of the data for Gaussian errors.

    `slopes` and `standard_errors` (regressors,) are the estimates and their classical standard errors.
    With `triangle` R (regressors, regressors) and `target` Q'y (regressors,), the sum of squares at
    slopes b is ``residual_sum + |target - triangle b|**2``.
    """

    slopes: Floats
    standard_errors: Floats
    residual_sum: float
    freedom: int
    triangle: Floats
    target: Floats


def fit_least_squares(space: Space, y: Floats, x: Floats) -> LeastSquares:
    """Return the fit of an outcome on regressors and effects, given their residuals after the effects.

    By the theorem of Frisch and Waugh (1933) and Lovell (1963, doi:10.1080/01621459.1963.10480682), the
    slopes are those of residuals on residuals. The regressors must be linearly independent of the effects
    and of each other, and rows must outnumber the coefficients.

    Parameters
    ----------
    y, x
        ``space.residual`` of the outcome (rows,) and of the regressors (rows, regressors).
    """
    q, triangle = scipy.linalg.qr(x, mode="economic")
    target = q.T @ y
    slopes = scipy.linalg.solve_triangular(triangle, target)
    left = y - x @ slopes
    freedom = len(y) - space.rank - x.shape[1]
    residual_sum = float(left @ left)
    inverse = scipy.linalg.solve_triangular(triangle, np.eye(x.shape[1]))
    errors = np.sqrt(residual_sum / freedom) * np.linalg.norm(inverse, axis=1)
    return LeastSquares(slopes, errors, residual_sum, freedom, triangle, target)


def clustered_errors(
    space: Space, outcome: Floats, regressors: Floats, fit: LeastSquares
) -> tuple[Floats, int]:
    """Return cluster-robust standard errors (regressors,) and the number of clusters.

    The estimator is the sandwich of Liang and Zeger (1986, doi:10.1093/biomet/73.1.13) with units as
    clusters, times ``G / (G - 1) * (N - 1) / (N - K)`` for `N` rows of `G` units, as in Stata's reghdfe.
    `K` counts the regressors and one coefficient per period. It excludes unit effects and trends, which
    are nested within the clusters.
    """
    y, x = space.residual(outcome), space.residual(regressors)
    scores = x * (y - x @ fit.slopes)[:, None]
    clusters = int(space.unit_index.max()) + 1
    summed = np.stack([np.bincount(space.unit_index, column, clusters) for column in scores.T], axis=1)
    inverse = scipy.linalg.solve_triangular(fit.triangle, np.eye(x.shape[1]))
    bread = inverse @ inverse.T
    rows, coefficients = len(y), x.shape[1] + int(space.period_index.max()) + 1
    factor = clusters / (clusters - 1) * (rows - 1) / (rows - coefficients)
    covariance = factor * bread @ (summed.T @ summed) @ bread
    return np.sqrt(np.diag(covariance)), clusters
