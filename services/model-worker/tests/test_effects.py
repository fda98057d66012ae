"""Eliminating effects leaves the residuals of least squares with a column per unit and period."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import settings as effort

from model_worker.data.row_order import order_rows
from model_worker.design.effect_space import span_effects
from model_worker.models.gaussian import whitened_moments
from model_worker.models.gaussian.missingness_patterns import sort_into_patterns

Cells = set[tuple[int, int]]
CELLS = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=2, max_size=40)
TWO_GROUPS = {(0, 0), (0, 1), (1, 1), (2, 2), (2, 3), (3, 2)}
TALL = {(unit, period) for unit in range(8) for period in range(2)} | {(7, 2)}
WIDE = {(period, unit) for unit, period in TALL}


def indices(cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """Number the units and periods that occur from 0."""
    rows = np.array(sorted(cells))
    np.random.default_rng(len(rows)).shuffle(rows)
    unit, period = (np.unique(column, return_inverse=True)[1] for column in rows.T)
    return unit, period


@given(CELLS)
@example(TWO_GROUPS)
@example(TALL)
@example(WIDE)
@effort(deadline=None)
def test_rank_and_residuals_are_those_of_dummies(cells: Cells) -> None:
    unit, period = indices(cells)
    space = span_effects(unit, period)
    dummies = np.hstack([np.eye(unit.max() + 1)[unit], np.eye(period.max() + 1)[period]])
    assert space.rank == np.linalg.matrix_rank(dummies)
    values = np.random.default_rng(1).normal(size=(len(unit), 2))
    expected = values - dummies @ np.linalg.lstsq(dummies, values)[0]
    np.testing.assert_allclose(space.residual(values), expected, atol=1e-12)
    np.testing.assert_allclose(space.residual(values[:, 1]), expected[:, 1], atol=1e-12)


def test_there_is_a_direction_without_information_for_each_further_group() -> None:
    assert span_effects(*indices(TWO_GROUPS)).null.shape[1] == 1
    assert span_effects(*indices(TALL)).null.shape[1] == 0


def test_a_chain_of_single_links_is_one_group_to_the_last_digit() -> None:
    steps = np.arange(300)
    unit, period = np.concatenate([steps, steps[:-1]]), np.concatenate([steps, steps[1:]])
    space = span_effects(unit, period)
    assert space.rank == 2 * 300 - 1 == len(unit)
    values = np.random.default_rng(1).normal(size=len(unit))
    assert np.abs(space.residual(values)).max() < 1e-9


@given(CELLS)
@effort(deadline=None)
def test_rows_are_sorted_by_unit_and_period(cells: Cells) -> None:
    unit, period = indices(cells)
    np.testing.assert_array_equal(order_rows(unit, period), np.lexsort((period, unit)))


def test_products_are_the_same_from_sums_and_from_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    unit, period = indices({(unit, period) for unit in range(9) for period in range(5) if unit % 4 != period})
    columns = np.random.default_rng(1).normal(size=(len(unit), 3))
    patterns = sort_into_patterns(unit, period, np.arange(5), columns, 1)
    rho = np.array([0.0, 0.6])
    summed = whitened_moments.sum_patterns(patterns)
    monkeypatch.setattr(whitened_moments, "_PRODUCTS", 0)
    by_row = whitened_moments.sum_patterns(patterns)
    assert all(moment.products is not None for moment in summed)
    assert all(moment.products is None for moment in by_row)
    np.testing.assert_allclose(
        whitened_moments.whiten_moments(by_row, rho, 5, 9, "none").products,
        whitened_moments.whiten_moments(summed, rho, 5, 9, "none").products,
        atol=1e-12,
    )
