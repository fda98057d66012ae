"""Panel model with Student-t innovations, in coordinates that are nearly independent in the posterior.

On the standardized scale of `model_worker.design.regression`, for unit i and period t::

    y_it = a_i + l_t + b_i x_it + c'w_it + u_it,   b_i ~ Normal(b, tau**2)
    u_it = rho**k u_is + s_k e_it,   e_it ~ t_nu,   s_k**2 = sigma**2 (1 - rho**(2 k)) / (1 - rho**2)

and a unit's first error is t_nu times the limit of s_k for large k. No effect can be integrated out, so all
are sampled, as deviations from their values under Gaussian innovations with the weights of
`model_worker.models.explicit.reference_fit`. Given all other parameters, unit i's own coefficients are::

    P_i^-1 h_i + sigma C_i^-T z_i,   P_i = F_i'W_i F_i + D = C_i C_i',   h_i = F_i'W_i r_i

with whitened own columns `F`, residuals `r` and sampled `z`. This parameterization is partially non-centered
(Papaspiliopoulos, Roberts and Skoeld 2007, doi:10.1214/088342307000000014), to a degree set by the data.
The density is exact for any weights; the weights only affect its conditioning.

When rho is near 1, only the first error informs a unit's level, which inherits the error's heavy tails. The
t of first errors is therefore a normal whose precision is a sampled gamma variable.
"""

from typing import Any

import pymc as pm  # type: ignore[import-untyped]
import pytensor.tensor as pt

from model_worker.models.explicit.statistics import StudentShape, StudentStatistics
from model_worker.models.prior_scales import LOWEST_NU, LOWEST_RHO, NOISE_SCALE, NU_RATE, NU_SHAPE

_dot: Any = pt.dot
_join: Any = pt.concatenate


def build_student_model(statistics: StudentStatistics) -> pm.Model:
    """Build the model of a shape.

    The free variables are `directions`, for period effects, nuisance regressors and the common slope;
    `level` (own columns, units) and `deviation` (units,); `precision` (units,), for first errors; and
    `place`, the distances from the reference of log sigma, log(nu - LOWEST_NU), the logit of rho on its
    interval and log tau. All have flat densities; priors and likelihood are one potential.
    """
    shape = statistics.shape
    with pm.Model(check_bounds=False) as model:
        data = {name: pm.Data(name, values) for name, values in statistics.data.items()}
        scalars = data["scalars"] + pm.Flat("place", shape=2 + shape.autoregressive + shape.random)
        sigma = pm.Deterministic("sigma", pt.exp(scalars[0]))
        nu = pm.Deterministic("nu", LOWEST_NU + pt.exp(scalars[1]))
        prior = scalars[0] - 0.5 * (sigma / NOISE_SCALE) ** 2
        prior += scalars[1] + (NU_SHAPE - 1) * pt.log(nu) - NU_RATE * nu
        kappa = None
        if shape.random:
            tau = pm.Deterministic("tau", pt.exp(scalars[-1]))
            prior += scalars[-1] - 0.5 * (tau / data["widest"]) ** 2
            kappa = tau / sigma
        if shape.autoregressive:
            persistence = pm.Deterministic("persistence", scalars[2])
            prior += -persistence - 2 * pt.softplus(-persistence)
            carried_by, root_by = _steps(persistence, data["lags"])
            prior += _dot(data["counts"], pt.log(root_by))
            carried, root = (
                _spread_out(_join([values, pt.zeros(1)]), data["code"]) for values in (carried_by, root_by)
            )
        flat = pm.Flat("directions", shape=shape.directions + 1)
        flat = data["origin"] + _dot(data["spread"], flat)
        prior += -0.5 * ((data["centre"] + flat[-1]) / data["slope"]) ** 2

        left = data["outcome"] - _fitted(data, flat, "", shape)
        treatment = data["treatment"]
        columns = [data["own"][place] for place in range(shape.own)]
        if shape.autoregressive:
            before = data["outcome_before"] - _fitted(data, flat, "_before", shape)
            left = root * (left - carried * before)
            treatment = root * (treatment - carried * data["treatment_before"])
            own_before = [data["own_before"][place] for place in range(shape.own)]
            columns = [
                root * (column - carried * before) for column, before in zip(columns, own_before, strict=True)
            ]
        else:
            left = left * data["observed"]
        left -= flat[-1] * treatment
        if shape.random:
            columns.append(kappa * treatment)

        log_precision = pt.sqrt(2 / nu) * pm.Flat("precision", shape=shape.units)
        precision = pt.exp(log_precision)
        half = nu / 2
        prior += shape.units * (half * pt.log(half) - pt.gammaln(half) - 0.5 * pt.log(nu))
        prior += (half * (log_precision - precision)).sum()

        level = pm.Flat("level", shape=(shape.own, shape.units))
        standard = [level[place] for place in range(shape.own)]
        if shape.random:
            standard.append(pm.Flat("deviation", shape=shape.units))
        weights = data["weights"] + data["first"] * precision[:, None]
        coefficients, jacobian = _transport(columns, left, weights, standard, sigma, random=shape.random)
        pm.Deterministic("own_effect", pt.stack(coefficients[: shape.own]))
        if shape.random:
            pm.Deterministic("random_effect", kappa * coefficients[-1])
            prior -= 0.5 * ((coefficients[-1] / sigma) ** 2).sum()
        for column, coefficient in zip(columns, coefficients, strict=True):
            left = left - coefficient[:, None] * column
        squares = (left / sigma) ** 2
        rows, later = data["rows"], data["rows"] - shape.units
        density = later * (pt.gammaln(half + 0.5) - pt.gammaln(half) - 0.5 * pt.log(nu))
        density -= (half + 0.5) * pt.log1p((1 - data["first"]) * squares / nu).sum()
        density += 0.5 * (log_precision - precision * squares[:, 0]).sum()
        density -= (rows - shape.own * shape.units) * scalars[0]
        pm.Potential("density", prior + jacobian + density)
    return model


def _steps(persistence: Any, lags: Any) -> tuple[Any, Any]:
    # Autoregressive coefficient and inverse innovation scale, for a unit's first row and then for each lag.
    distance = (1 - LOWEST_RHO) * pt.sigmoid(-persistence)
    stationary = distance * (2 - distance)
    carried = (1 - distance) ** lags
    spread = -pt.expm1(lags * pt.log1p(-stationary)) / stationary
    root = _join([pt.sqrt(stationary)[None], 1 / pt.sqrt(spread)])
    return _join([pt.zeros(1), carried]), root


def _spread_out(values: Any, code: Any) -> Any:
    return values[code.ravel()].reshape(code.shape)


def _fitted(data: dict[str, Any], flat: Any, suffix: str, shape: StudentShape) -> Any:
    fitted = _spread_out(flat, data[f"period{suffix}"])
    if shape.nuisance:
        start = flat.shape[0] - 1 - shape.nuisance
        fitted += _dot(data[f"nuisance{suffix}"], flat[start:-1])
    return fitted


def _transport(
    columns: list[Any], left: Any, weights: Any, standard: list[Any], sigma: Any, *, random: bool
) -> tuple[list[Any], Any]:
    """Return the own coefficients (units,) of each column and the log Jacobian without powers of sigma."""
    count = len(columns)
    weighted = [weights * column for column in columns]
    root: list[list[Any]] = [[None] * count for _ in range(count)]
    solved: list[Any] = []
    for row in range(count):
        for place in range(row + 1):
            entry = (weighted[row] * columns[place]).sum(axis=1)
            if random and row == place == count - 1:
                entry += 1
            for before in range(place):
                entry -= root[row][before] * root[place][before]
            root[row][place] = pt.sqrt(entry) if row == place else entry / root[place][place]
        remaining = (weighted[row] * left).sum(axis=1)
        for before in range(row):
            remaining -= root[row][before] * solved[before]
        solved.append(remaining / root[row][row])
    coefficients: list[Any] = [None] * count
    for row in reversed(range(count)):
        remaining = solved[row] + sigma * standard[row]
        for after in range(row + 1, count):
            remaining -= root[after][row] * coefficients[after]
        coefficients[row] = remaining / root[row][row]
    return coefficients, -sum(pt.log(root[row][row]).sum() for row in range(count))
