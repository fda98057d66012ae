"""The regression a panel stands for: transformed, standardised, and known to be identified."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model_worker.effects import EffectSpace, span_effects
from model_worker.faults import InvalidInput
from model_worker.least_squares import LeastSquares, fit_least_squares
from model_worker.panel import Panel
from model_worker.patterns import sort_into_patterns
from model_worker.slope_prior import scale_slope
from model_worker.specification import Specification, specify
from model_worker.study import Study
from model_worker.system import System
from tracestore.manifest import Fault, Transform

Floats = NDArray[np.float64]

COLLINEAR = 1e-7
"""A regressor whose spread outside the effects and the regressors before it is below this share of its
own is taken as having none: the share is what rounding leaves in double precision."""

SLOPE_SPREAD = 1.0
LEVEL_SPREAD = 2.0
"""Scale of the prior of slopes' spread, on the standardised scale, and of levels' spread, in standard
deviations of the units' mean outcomes."""

FEWEST_ROWS_LEFT = 3
"""Rows beyond those that effects and controls take: one for the slope, and two for the noise, without
which it has no variance that is finite."""


@dataclass(frozen=True)
class Design:
    """Outcome (rows,) and regressors (rows, treatment, controls and lags), standardised.

    ``transformed = centre + scale * standardised`` for the outcome and each regressor. The centre is the
    mean; the scale is the standard deviation of what unit and period effects leave of the column, so that
    differences between units, which the slope does not come from, set no scale.
    """

    outcome: Floats
    regressors: Floats
    outcome_centre: float
    outcome_scale: float
    centres: Floats
    scales: Floats
    space: EffectSpace
    slope_scale: float
    """Standard deviation of the prior of the slope."""
    spread_scale: float
    """Scale of the prior of what the random column's coefficients spread by."""
    least_squares: LeastSquares
    specification: Specification
    system: System
    """With the estimate of least squares times the treatment taken from the outcome."""


def apply_transform(values: Floats, name: Transform) -> Floats:
    """Take values to the scale the model is linear on."""
    return np.log(values) if name == "log" else values


def undo_transform(values: Floats, name: Transform) -> Floats:
    """Take values back to their own units."""
    return np.exp(values) if name == "log" else values


def make_design(study: Study, panel: Panel) -> Design:
    """Transform and standardise a panel, and fit it by least squares.

    Raises
    ------
    InvalidInput
        When the panel does not identify the model: a constant column, a treatment or control that the
        effects or the other columns determine, too few rows, an outcome that is explained exactly.
    """
    toml = study.toml
    names = (toml.treatment.column, *panel.control_names, *_name_lags(study, panel))
    outcome = apply_transform(panel.outcome, toml.outcome.transform)
    treatment = apply_transform(panel.treatment, toml.treatment.transform)
    regressors = np.column_stack([treatment, panel.controls, lag_columns(study, panel)])
    file = f"{study.name}/{toml.file}"
    columns = dict(zip((toml.outcome.column, *names), (outcome, *regressors.T), strict=True))
    faults = [_constant(file, name, values) for name, values in columns.items() if _is_constant(values)]
    if faults:
        raise InvalidInput(faults)
    specification = specify(study, panel, treatment)
    space = span_effects(panel.unit_index, panel.period_index)
    y, outcome_centre, outcome_spread = _standardise(outcome)
    x, centres, spreads = _standardise(regressors)
    # Of ten million rows every column that is let go of is 80 MB.
    del columns, outcome, treatment, regressors
    x_left = space.residual(x)
    _require_identified(study, file, names, space, x_left)
    y_left = space.residual(y)
    if fit_least_squares(space, y_left, x_left).residual_sum <= len(y) * 1e-18:
        raise InvalidInput([_explained(file, toml.outcome.column)])
    y_scale, x_scale = _spread_left(space, y_left), _spread_left(space, x_left)
    if x.shape[1] > 1 or specification.own == 2:
        outcome_share, treatment_share = _share_beside(panel, specification, y / y_scale, x / x_scale)
        if outcome_share**2 <= 1e-18:
            raise InvalidInput([_explained(file, toml.outcome.column)])
        y_scale = y_scale * outcome_share
        x_scale[0] *= treatment_share
    for values, scale in ((y, y_scale), (y_left, y_scale), (x, x_scale), (x_left, x_scale)):
        values /= scale
    least_squares = fit_least_squares(space, y_left, x_left)
    del y_left, x_left, values
    system = _reduce(panel, specification, y - x[:, 0] * least_squares.slopes[0], x)
    _require_freedom(study, file, system)
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
        system=system,
    )


def lag_columns(study: Study, panel: Panel) -> Floats:
    """Give how far the transformed treatment of each lag was from that of the row (rows, lags)."""
    kind = study.toml.treatment.transform
    if panel.lagged is None:
        return np.empty((len(panel.outcome), 0))
    return apply_transform(panel.lagged, kind) - apply_transform(panel.treatment, kind)[:, None]


def _name_lags(study: Study, panel: Panel) -> list[str]:
    count = 0 if panel.lagged is None else panel.lagged.shape[1]
    return [f"{study.toml.treatment.column} (lag {lag})" for lag in range(1, count + 1)]


def _standardise(values: Floats) -> tuple[Floats, Floats, Floats]:
    centre, scale = values.mean(axis=0), values.std(axis=0)
    return (values - centre) / scale, centre, scale


def _spread_left(space: EffectSpace, left: Floats) -> Floats:
    spread: Floats = np.linalg.norm(left, axis=0) / np.sqrt(len(left) - space.rank)
    return spread


def _share_beside(
    panel: Panel, specification: Specification, outcome: Floats, regressors: Floats
) -> tuple[float, float]:
    # What controls, lags and trends leave too: only on that scale is the slope a partial correlation.
    flat = replace(specification, random="none", own=max(specification.own, 1))
    system = _reduce(panel, flat, outcome, regressors)
    left = system.profile(np.zeros(1), np.zeros(1))
    freedom = max(system.freedom, 1)
    treatment = float(np.sqrt(max(left.xx.item(), 0.0) / freedom))
    return float(np.sqrt(max(left.yy.item(), 0.0) / freedom)), treatment if treatment > COLLINEAR else 1.0


def _reduce(panel: Panel, specification: Specification, outcome: Floats, regressors: Floats) -> System:
    columns = np.column_stack([outcome, regressors])
    periods = np.asarray(panel.periods, dtype=np.int64)
    patterns = sort_into_patterns(panel.unit_index, panel.period_index, periods, columns, specification.own)
    return System(patterns, len(panel.periods), len(panel.units), specification.random)


def _scale_spread(specification: Specification, panel: Panel, outcome: Floats, slope_scale: float) -> float:
    if specification.random != "constant":
        # Slopes do not differ by more than what a slope is thought to be at most.
        return min(SLOPE_SPREAD, slope_scale)
    means = np.bincount(panel.unit_index, outcome) / np.bincount(panel.unit_index)
    return LEVEL_SPREAD * float(means.std())


def _is_constant(values: Floats) -> bool:
    return bool(np.ptp(values) <= np.abs(values).max() * 1e-14)


def _require_identified(
    study: Study, file: str, names: tuple[str, ...], space: EffectSpace, left: Floats
) -> None:
    """Refuse standardised regressors of which the effects leave (rows, regressors) too little."""
    faults = []
    unit, period = study.toml.unit.noun, study.toml.period.noun
    own = np.sqrt(len(left))
    kept: list[Floats] = []
    for name, residual in zip(names, left.T, strict=True):
        beyond = residual.copy()
        for direction in kept:
            beyond -= direction * (direction @ beyond)
        if np.linalg.norm(residual) <= COLLINEAR * own:
            found = f"values that {unit} and {period} determine, as when each {unit} keeps one value"
            advice = f"The model needs a column that changes differently over the {period}s of some {unit}s."
        elif np.linalg.norm(beyond) <= COLLINEAR * own:
            found = f"values that {', '.join(names[: names.index(name)])} and the effects determine"
            advice = "Remove one of these columns from the study."
        else:
            kept.append(beyond / np.linalg.norm(beyond))
            continue
        faults.append(
            Fault(
                kind="not_identified",
                file=file,
                column=name,
                expected=f"values that differ beyond the effects of {unit} and {period}",
                found=found,
                advice=advice,
            )
        )
    coefficients = space.rank + left.shape[1]
    if not faults and len(left) <= coefficients:
        faults.append(
            Fault(
                kind="too_few_rows",
                file=file,
                expected=f"more rows than the model's {coefficients} coefficients",
                found=f"{len(left)} rows",
                advice="Add rows, or remove controls.",
            )
        )
    if faults:
        raise InvalidInput(faults)


def _require_freedom(study: Study, file: str, system: System) -> None:
    faults = []
    xx = system.profile(np.zeros(1), np.zeros(1)).xx.item()
    if xx <= system.freedom * COLLINEAR**2:
        unit = study.toml.unit.noun
        faults.append(
            Fault(
                kind="not_identified",
                file=file,
                column=study.toml.treatment.column,
                expected=f"values that leave the straight line of each {unit}",
                found=f"values that the trends of the {unit}s determine",
                advice="Leave out model.trends, or take a treatment that does not move along a line.",
            )
        )
    elif system.freedom < FEWEST_ROWS_LEFT:
        faults.append(
            Fault(
                kind="too_few_rows",
                file=file,
                expected=f"at least {FEWEST_ROWS_LEFT} rows more than effects and controls take",
                found=f"{system.freedom} rows beyond the effects and controls",
                advice="Add rows, or remove controls or trends.",
            )
        )
    if faults:
        raise InvalidInput(faults)


def _constant(file: str, name: str, values: Floats) -> Fault:
    return Fault(
        kind="constant",
        file=file,
        column=name,
        expected="values that differ",
        found=f"one value in all {len(values)} rows",
        advice="A column without variation has no slope: choose another.",
    )


def _explained(file: str, name: str) -> Fault:
    return Fault(
        kind="no_residual",
        file=file,
        column=name,
        expected="an outcome with some noise",
        found="an outcome that the effects and the other columns give exactly",
        advice="Check whether the outcome was computed from the other columns.",
    )
