"""Clustered standard errors are those of the dense sandwich."""

import numpy as np
import pytest
from fixed_posterior import autoregressive, read_errors
from small_study import StudyFolder

from model_worker.checks.criticism import compare_least_squares
from model_worker.design.effect_space import span_effects
from model_worker.design.least_squares import clustered_errors, fit_least_squares
from model_worker.design.regression import apply_transform
from model_worker.settings import Settings


def test_clustered_errors_are_those_of_the_dense_sandwich_on_an_unbalanced_panel(
    folder: StudyFolder, settings: Settings
) -> None:
    errors = autoregressive(np.random.default_rng(1), 9, 7, 0.7)
    given = read_errors(folder, settings, errors, "", gaps=(1, 4))
    panel, units = given.panel, 9
    y, x = (apply_transform(values, "log") for values in (panel.outcome, panel.treatment))
    dummies = np.hstack([np.eye(7)[panel.period_index], np.eye(units)[panel.unit_index][:, 1:]])
    columns = np.hstack([x[:, None], dummies])
    bread = np.linalg.inv(columns.T @ columns)
    slope = (bread @ columns.T @ y)[0]
    left = y - columns @ (bread @ columns.T @ y)
    scores = [(columns * left[:, None])[panel.unit_index == unit].sum(axis=0) for unit in range(units)]
    meat = sum(np.outer(score, score) for score in scores)
    rows = len(y)
    factor = units / (units - 1) * (rows - 1) / (rows - 1 - 7)
    expected = np.sqrt(factor * (bread @ meat @ bread)[0, 0])
    card = compare_least_squares(given.design)
    assert card.slope == pytest.approx(slope)
    assert card.clustered_error == pytest.approx(expected)
    assert card.clusters == units
    assert card.freedom == rows - 1 - 7 - (units - 1)
    low, high = card.clustered_interval
    # The 97 % quantile of Student's t with 8 degrees of freedom.
    assert (high - low) / 2 == pytest.approx(2.1892 * expected, rel=1e-3)
    assert card.classical_interval[0] < slope < card.classical_interval[1]


def test_least_squares_beside_trends_is_that_of_the_dense_regression_with_trends(
    folder: StudyFolder, settings: Settings
) -> None:
    errors = autoregressive(np.random.default_rng(1), 9, 7, 0.7)
    given = read_errors(folder, settings, errors, "trends = true", gaps=(1, 4))
    panel, units = given.panel, 9
    y, x = (apply_transform(values, "log") for values in (panel.outcome, panel.treatment))
    levels, periods = np.eye(units)[panel.unit_index], np.eye(7)[panel.period_index]
    dummies = np.hstack([levels, levels * panel.period_index[:, None], periods])
    x_left, y_left = (values - dummies @ np.linalg.lstsq(dummies, values)[0] for values in (x, y))
    slope = x_left @ y_left / (x_left @ x_left)
    left = y_left - slope * x_left
    # Two directions of the periods are those of the lines: one level, one trend.
    freedom = len(y) - 2 * units - (7 - 2) - 1
    scores = np.bincount(panel.unit_index, x_left * left)
    factor = units / (units - 1) * (len(y) - 1) / (len(y) - 1 - 7)
    card = compare_least_squares(given.design)
    assert card.slope == pytest.approx(slope)
    assert card.freedom == freedom
    assert card.classical_error == pytest.approx(np.sqrt(left @ left / freedom / (x_left @ x_left)))
    assert card.clustered_error == pytest.approx(np.sqrt(factor * scores @ scores) / (x_left @ x_left))


def test_clustered_errors_of_an_example_worked_by_hand() -> None:
    """Three units, two periods: differences over time are all there is.

    Differences of x are -1, 0 and 4, of y -1, 1 and 6; around their means -2, -1, 3 and -3, -1, 4. The
    slope is 19 / 14 and the differences leave -4/14, 5/14 and -1/14; a unit's score is half the product of
    x and what is left: 8/28, -5/28 and -3/28.
    """
    unit, period = np.repeat(np.arange(3), 2), np.tile(np.arange(2), 3)
    x = np.array([[0.0, -1.0, 5.0, 5.0, 2.0, 6.0]]).T
    y = np.array([0.0, -1.0, 3.0, 4.0, 1.0, 7.0])
    space = span_effects(unit, period)
    fit = fit_least_squares(space, space.residual(y), space.residual(x))
    assert fit.slopes[0] == pytest.approx(19 / 14)
    errors, clusters = clustered_errors(space, y, x, fit)
    meat, bread = (8**2 + 5**2 + 3**2) / 28**2, 1 / 7
    assert clusters == 3
    assert errors[0] == pytest.approx(np.sqrt(3 / 2 * 5 / 3 * meat) * bread)
