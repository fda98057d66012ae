"""Gaussian model of a panel with row weights, at given rho and kappa and at their optimum.

With row weights, units do not share a Gram matrix. The computation is therefore row by row, on a panel
padded to a rectangle. The effects are eliminated as in `model_worker.models.gaussian.whitened_moments`.
"""

from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import NDArray

from model_worker.models.gaussian.conditional_gaussian import ConditionalGaussian
from model_worker.models.prior_scales import LOWEST_RHO

Floats = NDArray[np.float64]

_BOUNDS = ((-8.0, 12.0), (-9.0, 5.0))
"""Search bounds of persistence and log kappa."""
_VALUES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class PaddedRows:
    """Rows of a panel by unit, padded to the longest unit (units, rows), with the step to each row.

    `code` is 0 for a unit's first row, 1 plus the index of the lag in `lags` for later rows, and
    ``len(lags) + 1`` for padding. `nuisance` is (units, rows, nuisance); `own` is (own, units, rows).
    """

    observed: Floats
    code: NDArray[np.int64]
    lags: Floats
    period: NDArray[np.int64]
    outcome: Floats
    treatment: Floats
    nuisance: Floats
    own: Floats


def arrange(gaussian: ConditionalGaussian) -> PaddedRows:
    """Return the rows of a panel padded to a rectangle with one unit per line."""
    patterns = [moment.pattern for moment in gaussian.moments]
    longest = max(len(pattern.places) for pattern in patterns)
    lags = np.unique(np.concatenate([np.ones(1), *(pattern.lags for pattern in patterns)]))
    size = (gaussian.units, longest)
    observed, outcome, treatment = np.zeros(size), np.zeros(size), np.zeros(size)
    code = np.full(size, len(lags) + 1)
    period = np.zeros(size, dtype=np.int64)
    nuisance = np.zeros((*size, gaussian.nuisance))
    own = np.zeros((patterns[0].flat.shape[1], *size))
    for pattern in patterns:
        at = (pattern.units[:, None], np.arange(len(pattern.places)))
        observed[at] = 1
        code[at] = np.r_[0, 1 + np.searchsorted(lags, pattern.lags)]
        period[at] = pattern.places
        outcome[at], treatment[at] = pattern.columns[:, :, 0], pattern.columns[:, :, 1]
        nuisance[at] = pattern.columns[:, :, 2:]
        own[(slice(None), *at)] = pattern.flat.T[:, None, :]
    return PaddedRows(observed, code, lags, period, outcome, treatment, nuisance, own)


@dataclass(frozen=True)
class WeightedFit:
    """Standardized fit at one rho and kappa.

    Attributes
    ----------
    objective
        ``-2 log`` restricted likelihood, up to a constant.
    variance
        Variance of a one-step innovation of weight 1.
    flat, information
        Coefficients of the effects' directions, nuisance regressors and treatment, and their information
        in units of the variance, with the own coefficients of units eliminated.
    residual, leverage : (units, rows)
        Residual of each whitened row, and the variance of the part that its unit's own coefficients explain.
    """

    objective: float
    variance: float
    flat: Floats
    information: Floats
    residual: Floats
    leverage: Floats


class WeightedModel:
    """Gaussian model of a panel whose innovations have known relative precisions."""

    def __init__(self, gaussian: ConditionalGaussian, rows: PaddedRows, *, autoregressive: bool) -> None:
        self._rows, self._autoregressive = rows, autoregressive
        self._random = gaussian.random != "none"
        self._freedom = gaussian.freedom
        self._basis = gaussian.basis
        self._periods = gaussian.periods

    def fit(self, persistence: float, log_kappa: float, weights: Floats) -> WeightedFit:
        """Return the fit at a logit of rho, log kappa and weights (units, rows) that are 0 for padding."""
        rows = self._rows
        share = scipy.special.expit(-persistence) if self._autoregressive else np.nan
        rho = 1 - (1 - LOWEST_RHO) * share if self._autoregressive else 0.0
        stationary = (1 - rho) * (1 + rho)
        spread = (1 - rho ** (2 * rows.lags)) / stationary
        root = np.r_[np.sqrt(stationary), 1 / np.sqrt(spread), 0][rows.code]
        carried = np.r_[0, rho**rows.lags, 0][rows.code]
        kappa = np.exp(log_kappa) if self._random else 0.0

        def whiten(values: Floats) -> Floats:
            shape = (*root.shape, *(1,) * (values.ndim - 2))
            before = np.concatenate([np.zeros_like(values[:, :1]), values[:, :-1]], axis=1)
            result: Floats = root.reshape(shape) * (values - carried.reshape(shape) * before)
            return result

        treatment = whiten(rows.treatment)
        columns = [whiten(column) for column in rows.own]
        if self._random:
            columns.append(kappa * treatment)
        own = np.stack(columns, axis=2)
        count, width = rows.outcome.shape[0], self._basis.shape[1] + 2
        information = np.zeros((width, width))
        log_determinant = 0.0
        at_once = max(1, _VALUES_AT_ONCE // (rows.outcome.shape[1] * width))
        blocks = [slice(start, start + at_once) for start in range(0, count, at_once)]
        parts = []
        for block in blocks:
            shared = self._shared(block) * rows.observed[block, :, None]
            before = np.concatenate([np.zeros_like(shared[:, :1]), shared[:, :-1]], axis=1)
            shared = root[block, :, None] * (shared - carried[block, :, None] * before)
            weighted = own[block] * weights[block, :, None]
            inner = weighted.transpose(0, 2, 1) @ own[block]
            if self._random:
                inner[:, -1, -1] += 1
            crossed = weighted.transpose(0, 2, 1) @ shared
            solved = np.linalg.solve(inner, crossed)
            flat = (shared * np.sqrt(weights[block])[:, :, None]).reshape(-1, width)
            information += flat.T @ flat
            information -= crossed.reshape(-1, width).T @ solved.reshape(-1, width)
            log_determinant += np.linalg.slogdet(inner)[1].sum()
            parts.append((shared, solved, np.linalg.inv(inner)))
        left, right = information[:-1, :-1], information[:-1, -1]
        coefficients = np.linalg.solve(left, right)
        variance = float(information[-1, -1] - right @ coefficients) / (self._freedom - 1)
        terms = np.r_[-coefficients, 1]
        residual, leverage = np.empty_like(root), np.empty_like(root)
        for block, (shared, solved, inverse) in zip(blocks, parts, strict=True):
            taken = np.einsum("urk,uk->ur", own[block], solved @ terms)
            residual[block] = shared @ terms - taken
            leverage[block] = np.einsum("urk,ukl,url->ur", own[block], inverse, own[block])
        log_root = np.log(np.where(root > 0, root, 1)).sum()
        objective = (
            (self._freedom - 1) * np.log(variance)
            + log_determinant
            + np.linalg.slogdet(left)[1]
            - 2 * log_root
        )
        return WeightedFit(float(objective), variance, coefficients, left, residual, leverage)

    def _shared(self, block: slice) -> Floats:
        rows, periods = self._rows, self._periods
        found = self._basis[:periods][rows.period[block]]
        found = found + rows.nuisance[block] @ self._basis[periods:]
        return np.concatenate([found, rows.treatment[block, :, None], rows.outcome[block, :, None]], axis=2)

    def search(self, start: Floats, weights: Floats) -> tuple[Floats, WeightedFit]:
        """Return the optimal persistence and log kappa with their fit; only fit a model with neither."""
        free = np.flatnonzero([self._autoregressive, self._random])
        if not free.size:
            return start, self.fit(0.0, 0.0, weights)

        def objective(values: Floats) -> float:
            place = start.copy()
            place[free] = values
            fit = self.fit(place[0], place[1], weights)
            # The priors of persistence and tau keep both from diverging.
            prior = place[0] + 2 * np.logaddexp(0, -place[0]) if self._autoregressive else 0.0
            if self._random:
                prior += 0.5 * np.exp(2 * place[1]) * fit.variance - place[1]
            return fit.objective + 2 * prior

        found = scipy.optimize.minimize(
            objective,
            start[free],
            method="Nelder-Mead",
            bounds=[_BOUNDS[place] for place in free],
            options={"xatol": 0.02, "fatol": 0.02, "maxfev": 80},
        )
        place = start.copy()
        place[free] = found.x
        return place, self.fit(place[0], place[1], weights)
