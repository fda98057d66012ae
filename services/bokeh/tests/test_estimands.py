"""Effects against values worked out by hand from y' = g^-1(g(y) + beta (f(x') - f(x)))."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.estimands import (
    HDI_MASS,
    EffectUndefined,
    Estimand,
    compute_draws,
    summarise,
)

ONE_SLOPE = np.array([-0.5])


def effect(estimand: Estimand, outcome: list[float], treatment: list[float], change: float) -> float:
    return float(compute_draws(ONE_SLOPE, np.array(outcome), np.array(treatment), change, estimand)[0])


def test_log_on_log_in_percent_is_a_power_of_the_ratio() -> None:
    # 100 (1.21)^-0.5 = 100 / 1.1
    assert effect(Estimand("log", "log", "percent", "change"), [100], [2], 21) == pytest.approx(
        100 / 1.1 - 100
    )


def test_saving_reports_the_negative() -> None:
    assert effect(Estimand("log", "log", "percent", "saving"), [100], [2], 21) == pytest.approx(
        100 - 100 / 1.1
    )


def test_gain_has_the_sign_of_change() -> None:
    gain = effect(Estimand("log", "log", "percent", "gain"), [100], [2], 21)
    assert gain == effect(Estimand("log", "log", "percent", "change"), [100], [2], 21)


def test_identity_on_identity_in_units_is_slope_times_change() -> None:
    assert effect(Estimand("identity", "identity", "units", "change"), [7], [3], 4) == pytest.approx(-2)


def test_standardised_on_standardised_is_slope_times_standard_deviations() -> None:
    estimand = Estimand("standardised", "standardised", "units", "saving")
    assert effect(estimand, [-0.7], [-1.2], 0.5) == pytest.approx(0.25)


def test_log_on_identity_in_units() -> None:
    expected = 10 * math.exp(-0.5 * 2) - 10
    assert effect(Estimand("log", "identity", "units", "change"), [10], [3], 2) == pytest.approx(expected)


def test_identity_on_log_in_units() -> None:
    expected = -0.5 * math.log(5 / 3)
    assert effect(Estimand("identity", "log", "units", "change"), [10], [3], 2) == pytest.approx(expected)


def test_identity_on_identity_in_percent_depends_on_the_treatment() -> None:
    assert effect(Estimand("identity", "identity", "percent", "change"), [7], [30], 10) == pytest.approx(-1.5)


def test_all_units_together_is_the_sum_of_each_even_beyond_one_step() -> None:
    estimand = Estimand("log", "log", "percent", "saving")
    rng = np.random.default_rng(0)
    outcome, treatment, slope = rng.uniform(1, 9, 150), rng.uniform(1, 9, 150), rng.normal(0, 0.1, 20)
    each = [
        compute_draws(slope, outcome[place : place + 1], treatment[place : place + 1], 7, estimand)
        for place in range(150)
    ]
    np.testing.assert_allclose(compute_draws(slope, outcome, treatment, 7, estimand), sum(each))


def test_units_with_slopes_of_their_own_are_each_moved_by_their_own_even_beyond_one_step() -> None:
    estimand = Estimand("log", "log", "percent", "change")
    rng = np.random.default_rng(0)
    outcome, treatment, slope = rng.uniform(1, 9, 150), rng.uniform(1, 9, 150), rng.normal(0, 1, (20, 150))
    # y' = y (1.07)^beta, by unit
    expected = (outcome * 1.07**slope - outcome).sum(axis=1)
    np.testing.assert_allclose(compute_draws(slope, outcome, treatment, 7, estimand), expected)


@pytest.mark.parametrize(("kind", "change"), [("percent", -100), ("units", -2)])
def test_a_treatment_without_logarithm_is_undefined_and_names_the_units(kind: str, change: float) -> None:
    estimand = Estimand("log", "log", kind, "change")  # type: ignore[arg-type]
    with pytest.raises(EffectUndefined) as caught:
        compute_draws(ONE_SLOPE, np.array([5.0, 5.0]), np.array([2.0, 2.0]), change, estimand)
    assert caught.value.units == (0, 1)


def test_an_outcome_too_large_to_represent_is_undefined() -> None:
    with pytest.raises(EffectUndefined, match="too large"):
        compute_draws(np.array([1e6]), np.ones(1), np.ones(1), 50, Estimand("log", "log", "percent", "gain"))


@given(st.floats(-90, 500), st.floats(-3, 3))
def test_no_change_of_sign_is_lost_between_saving_and_gain(change: float, slope: float) -> None:
    args = np.array([slope]), np.array([3.0]), np.array([2.0]), change
    saving = compute_draws(*args, Estimand("log", "log", "percent", "saving"))
    gain = compute_draws(*args, Estimand("log", "log", "percent", "gain"))
    np.testing.assert_array_equal(saving, -gain)


def test_summary_of_a_normal_posterior_is_the_normals_own() -> None:
    draws = np.random.default_rng(1).normal(2, 1, 200_000)
    summary = summarise(draws)
    assert summary.mean == pytest.approx(2, abs=0.02)
    # The central 94 % of a normal lie within 1.8808 standard deviations.
    assert (summary.lower, summary.upper) == (
        pytest.approx(2 - 1.8808, abs=0.05),
        pytest.approx(2 + 1.8808, abs=0.05),
    )
    assert summary.probability == pytest.approx(0.97725, abs=0.003)
    assert np.trapezoid(summary.curve[1], summary.curve[0]) == pytest.approx(1, abs=0.02)
    assert pytest.approx(0.94) == HDI_MASS


def test_draws_that_all_agree_have_no_density() -> None:
    summary = summarise(np.zeros(10))
    assert (summary.mean, summary.lower, summary.upper, summary.probability) == (0, 0, 0, 0)
    assert summary.is_point
    assert summary.curve[0].size == summary.curve[1].size == 0
