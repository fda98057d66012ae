"""Ordinary least squares with unit and period effects, on balanced and unbalanced panels."""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from model_worker.effects import EffectSpace

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LeastSquares:
    """The fit, and the statistics of the data that are sufficient for Gaussian errors.

    `slopes` and `standard_errors` (regressors,) are the estimates and their classical standard errors;
    with `triangle` R (regressors, regressors) and `target` Q'y (regressors,), the sum of squares at
    slopes b is ``residual_sum + |target - triangle b|**2``.
    """

    slopes: Floats
    standard_errors: Floats
    residual_sum: float
    freedom: int
    triangle: Floats
    target: Floats


def fit_least_squares(space: EffectSpace, y: Floats, x: Floats) -> LeastSquares:
    """Regress an outcome on regressors and the effects, given what the effects leave of them.

    By the theorem of Frisch and Waugh (1933) and Lovell (1963, doi:10.1080/01621459.1963.10480682) the
    slopes are those of residuals on residuals after the effects. The regressors must be linearly
    independent of the effects and of each other, and rows must outnumber the coefficients.

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
