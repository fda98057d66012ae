"""Replicates are panels that the model makes, and the checks see what it does not make."""

from dataclasses import replace

import numpy as np
import xarray as xr
from fixed_posterior import autoregressive, posterior_at, read_errors
from small_study import StudyFolder

from model_worker.checks.ar1_whitening import Ar1Coefficients, PrecedingRows, accumulate_errors, whiten_errors
from model_worker.checks.posterior_predictive import FEWEST_REPLICATES, count_replicates, draw_replicates
from model_worker.checks.predictive_checks import (
    autocorrelate,
    compare_replicates,
    pairs_at,
    residual_group,
    summarise,
)
from model_worker.settings import Settings

UNITS, PERIODS = 30, 20
GAPS = (5, 6, 11)


def test_replicated_errors_have_the_covariance_of_the_stationary_process_across_gaps(
    folder: StudyFolder, settings: Settings
) -> None:
    errors = autoregressive(np.random.default_rng(1), 6, 8, 0.8)
    panel = read_errors(folder, settings, errors, "", gaps=(2, 3, 6)).panel
    preceding, draws, rho = PrecedingRows.of(panel), 40_000, np.array([0.8])
    ar1 = Ar1Coefficients.of(preceding, np.repeat(rho, draws))
    drawn = np.random.default_rng(2).normal(size=(len(panel.outcome), draws))
    made = accumulate_errors(drawn, preceding, ar1, np.full(draws, 0.5))
    rows = np.flatnonzero(panel.unit_index == 0)
    times = np.array(panel.periods)[panel.period_index[rows]]
    assert times.tolist() == [2000, 2001, 2004, 2005, 2007]
    expected = 0.25 * rho ** np.abs(times[:, None] - times) / (1 - rho**2)
    np.testing.assert_allclose(np.cov(made[rows]), expected, atol=0.02)
    other = np.flatnonzero(panel.unit_index == 1)
    assert abs(np.corrcoef(made[rows[0]], made[other[0]])[0, 1]) < 0.03


def test_errors_and_innovations_are_each_others_inverse(folder: StudyFolder, settings: Settings) -> None:
    errors = autoregressive(np.random.default_rng(1), 6, 8, 0.8)
    panel = read_errors(folder, settings, errors, "", gaps=(2, 3, 6)).panel
    preceding, rho = PrecedingRows.of(panel), np.array([-0.5, 0.3, 0.999999])
    ar1, sigma = Ar1Coefficients.of(preceding, rho), np.array([0.5, 1.0, 2.0])
    drawn = np.random.default_rng(2).normal(size=(len(panel.outcome), 3))
    made = accumulate_errors(drawn, preceding, ar1, sigma)
    np.testing.assert_allclose(whiten_errors(made, preceding, ar1, sigma), drawn, rtol=1e-8, atol=1e-8)


def probabilities(
    folder: StudyFolder, settings: Settings, errors: np.ndarray, rho: float
) -> dict[str, float]:
    given = read_errors(folder, settings, errors, 'slopes = "common"', gaps=GAPS)
    posterior = posterior_at(given, sigma=0.1, rho=rho)
    made = draw_replicates(given.study, given.panel, posterior, np.random.default_rng(5))
    found = compare_replicates(given.panel, made, heavy=False)
    return {name: summarise(name, *pair).probability for name, pair in found.items()}


def test_checks_are_not_extreme_for_data_that_the_model_makes(
    folder: StudyFolder, settings: Settings
) -> None:
    errors = autoregressive(np.random.default_rng(1), UNITS, PERIODS, 0.6)
    found = probabilities(folder, settings, errors, 0.6)
    assert set(found) == {
        *("location", "spread", "extremes", "residual_autocorrelation"),
        *("outcome_mean", "outcome_sd"),
    }
    assert all(0.01 < value < 0.99 for value in found.values()), found


def test_the_spread_sees_units_of_different_noise(folder: StudyFolder, settings: Settings) -> None:
    scale = np.where(np.arange(UNITS) % 10, 0.5, 3.0)[:, None]
    errors = scale * autoregressive(np.random.default_rng(1), UNITS, PERIODS, 0.6)
    assert probabilities(folder, settings, errors, 0.6)["spread"] < 0.01


def test_the_extremes_see_heavy_tails(folder: StudyFolder, settings: Settings) -> None:
    errors = 0.1 / np.sqrt(3) * np.random.default_rng(1).standard_t(3, (UNITS, PERIODS))
    assert probabilities(folder, settings, errors, 0.0)["extremes"] < 0.01


def test_the_location_sees_skewed_innovations(folder: StudyFolder, settings: Settings) -> None:
    errors = 0.1 * (np.random.default_rng(1).exponential(size=(UNITS, PERIODS)) - 1)
    assert probabilities(folder, settings, errors, 0.0)["location"] > 0.99


def test_the_residual_autocorrelation_sees_persistence_that_the_model_leaves(
    folder: StudyFolder, settings: Settings
) -> None:
    errors = autoregressive(np.random.default_rng(1), UNITS, PERIODS, 0.6)
    assert probabilities(folder, settings, errors, 0.0)["residual_autocorrelation"] < 0.01


def test_residual_autocorrelation_by_lag_is_over_pairs_at_exact_distances(
    folder: StudyFolder, settings: Settings
) -> None:
    """Of an AR(1) process it falls off as rho to the lag, whatever the gaps."""
    given = read_errors(
        folder, settings, autoregressive(np.random.default_rng(1), UNITS, PERIODS, 0.7), "", gaps=GAPS
    )
    panel, draws = given.panel, 400
    posterior = xr.Dataset(coords={"unit": [unit.id for unit in panel.units], "period": list(panel.periods)})
    preceding, ar1 = PrecedingRows.of(panel), Ar1Coefficients.of(PrecedingRows.of(panel), np.full(draws, 0.7))
    drawn = np.random.default_rng(2).normal(size=(len(panel.outcome), draws))
    group = residual_group(panel, posterior, accumulate_errors(drawn, preceding, ar1, np.ones(draws)))
    lags = np.arange(1, 11)
    assert group["lag"].to_numpy().tolist() == lags.tolist()
    np.testing.assert_allclose(group["autocorrelation"], 0.7**lags, atol=0.03)
    seen = np.isfinite(panel.grid(panel.outcome))
    pairs = [(seen[:, lag:] & seen[:, :-lag]).sum() for lag in lags]
    np.testing.assert_allclose(group["limit"], 1.96 / np.sqrt(pairs))
    np.testing.assert_array_equal(np.isfinite(group["innovation"]), seen)


def test_pairs_are_rows_of_one_unit_at_the_exact_distance(folder: StudyFolder, settings: Settings) -> None:
    errors = autoregressive(np.random.default_rng(1), 6, 8, 0.5)
    panel = read_errors(folder, settings, errors, "", gaps=(2, 3, 6)).panel
    earlier, later = pairs_at(PrecedingRows.of(panel), 2)
    periods = np.array(panel.periods)
    found = {(int(panel.unit_index[a]), int(periods[panel.period_index[a]])) for a in earlier}
    assert (panel.unit_index[earlier] == panel.unit_index[later]).all()
    assert (periods[panel.period_index[later]] - periods[panel.period_index[earlier]] == 2).all()
    assert {year for unit, year in found if unit == 0} == {2005}
    assert {year for unit, year in found if unit == 1} == set(range(2000, 2006))
    assert np.isnan(autocorrelate(np.ones((3, 2)), earlier[:0], later[:0])).all()


def test_large_panels_get_fewer_replicates_and_the_largest_none(
    folder: StudyFolder, settings: Settings
) -> None:
    panel = read_errors(folder, settings, autoregressive(np.random.default_rng(1), 6, 8, 0.5), "").panel
    assert count_replicates(panel) == 200
    assert count_replicates(replace(panel, periods=tuple(range(10_000)))) == 4_000_000 // 60_000
    assert FEWEST_REPLICATES > 4_000_000 // (6 * 40_000)
    assert count_replicates(replace(panel, periods=tuple(range(40_000)))) == 0
