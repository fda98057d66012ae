"""Regression of a panel: transformed, standardized and checked for identification."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.design.effect_space import span_effects
from model_worker.design.identification import Identification
from model_worker.design.least_squares import LeastSquares, fit_least_squares
from model_worker.design.slope_prior import scale_slope
from model_worker.design.specification import Specification, specify
from model_worker.design.trend_space import Space, span_trends
from model_worker.models.gaussian.conditional_gaussian import ConditionalGaussian
from model_worker.models.gaussian.missingness_patterns import sort_into_patterns
from model_worker.models.prior_scales import LEVEL_SPREAD, SLOPE_SPREAD
from model_worker.study.definition import Study
from tracestore.manifest import Transform

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """Standardized outcome (rows,) and regressors (rows, treatment, controls and lags).

    ``transformed = centre + scale * standardized`` for the outcome and each regressor. The center is the
    mean. The scale is the standard deviation of the column's residuals after unit effects, period effects
    and trends, because differences between units do not inform the slope.
    """

    outcome: Floats
    regressors: Floats
    outcome_centre: float
    outcome_scale: float
    centres: Floats
    scales: Floats
    space: Space
    """Span of unit and period effects, and of unit trends where the model has them."""
    slope_scale: float
    """Standard deviation of the prior of the slope."""
    spread_scale: float
    """Scale of the prior of the spread of the random column's coefficients."""
    least_squares: LeastSquares
    specification: Specification
    gaussian: ConditionalGaussian
    """Model of the outcome minus the least-squares slope times the treatment."""


def apply_transform(values: Floats, name: Transform) -> Floats:
    """Return values on the scale on which the model is linear."""
    return np.log(values) if name == "log" else values


def undo_transform(values: Floats, name: Transform) -> Floats:
    """Return transformed values in their original units."""
    return np.exp(values) if name == "log" else values


def make_design(study: Study, panel: Panel) -> Design:
    """Build the design of a panel: transform, standardize and fit by least squares.

    Raises
    ------
    InvalidInput
        When the panel does not identify the model: a constant column, a regressor that effects, trends or
        other columns determine, too few rows, or an outcome that is explained exactly.
    """
    toml, identification = study.toml, Identification(study)
    outcome = apply_transform(panel.outcome, toml.outcome.transform)
    treatment = apply_transform(panel.treatment, toml.treatment.transform)
    regressors = np.column_stack([treatment, panel.controls, lag_columns(study, panel)])
    identification.require_variation(outcome, regressors)
    specification = specify(study, panel, treatment)
    y, outcome_centre, outcome_spread = _standardise(outcome)
    x, centres, spreads = _standardise(regressors)
    # With ten million rows, each freed column saves 80 MB.
    del outcome, treatment, regressors
    space: Space = span_effects(panel.unit_index, panel.period_index)
    x_left = space.residual(x)
    identification.require_distinct(x_left, beside_trends=False)
    if specification.own == 2:
        space = span_trends(panel.unit_index, panel.period_index, np.asarray(panel.periods, dtype=np.int64))
        x_left = space.residual(x)
        identification.require_distinct(x_left, beside_trends=True)
    identification.require_rows(len(y), space.rank + x.shape[1] - 1)
    y_left = space.residual(y)
    identification.require_noise(fit_least_squares(space, y_left, x_left).residual_sum, len(y))
    y_scale, x_scale = _scales(space, y_left, x_left)
    for values, scale in ((y, y_scale), (y_left, y_scale), (x, x_scale), (x_left, x_scale)):
        values /= scale
    least_squares = fit_least_squares(space, y_left, x_left)
    del y_left, x_left, values
    gaussian = _reduce(panel, specification, y - x[:, 0] * least_squares.slopes[0], x)
    slope_scale = scale_slope(study, panel, outcome_spread * y_scale / (spreads[0] * x_scale[0]))
    return Design(
        outcome=y,
        regressors=x,
        outcome_centre=float(outcome_centre),
        outcome_scale=float(outcome_spread * y_scale),
        centres=centres,
        scales=spreads * x_scale,
        space=space,
        slope_scale=slope_scale,
        spread_scale=_scale_spread(specification, panel, y, slope_scale),
        least_squares=least_squares,
        specification=specification,
        gaussian=gaussian,
    )


def lag_columns(study: Study, panel: Panel) -> Floats:
    """Return the transformed treatment at each lag minus that of the row itself (rows, lags)."""
    kind = study.toml.treatment.transform
    if panel.lagged is None:
        return np.empty((len(panel.outcome), 0))
    return apply_transform(panel.lagged, kind) - apply_transform(panel.treatment, kind)[:, None]


def _standardise(values: Floats) -> tuple[Floats, Floats, Floats]:
    centre, scale = values.mean(axis=0), values.std(axis=0)
    return (values - centre) / scale, centre, scale


def _scales(space: Space, y: Floats, x: Floats) -> tuple[float, Floats]:
    # The scales of outcome and treatment are those of residuals after controls and lags as well: only then
    # is the slope a partial correlation.
    others, _ = np.linalg.qr(x[:, 1:])
    freedom = len(y) - space.rank - others.shape[1]
    scales = np.linalg.norm(x, axis=0) / np.sqrt(len(y) - space.rank)
    scales[0], outcome = (
        np.linalg.norm(values - others @ (others.T @ values)) / np.sqrt(freedom) for values in (x[:, 0], y)
    )
    return float(outcome), scales


def _reduce(
    panel: Panel, specification: Specification, outcome: Floats, regressors: Floats
) -> ConditionalGaussian:
    columns = np.column_stack([outcome, regressors])
    periods = np.asarray(panel.periods, dtype=np.int64)
    patterns = sort_into_patterns(panel.unit_index, panel.period_index, periods, columns, specification.own)
    return ConditionalGaussian(patterns, len(panel.periods), len(panel.units), specification.random)


def _scale_spread(specification: Specification, panel: Panel, outcome: Floats, slope_scale: float) -> float:
    if specification.random != "constant":
        # The spread of the slopes is assumed not to exceed the prior scale of a slope.
        return min(SLOPE_SPREAD, slope_scale)
    means = np.bincount(panel.unit_index, outcome) / np.bincount(panel.unit_index)
    return LEVEL_SPREAD * float(means.std())
