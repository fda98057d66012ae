"""Leaving a row out is what dense algebra says it is, and its smoothing what ArviZ says."""

import numpy as np
import pytest
import scipy.stats
from arviz_stats.base.array import array_stats
from fixed_posterior import autoregressive, posterior_at, read_errors
from reference import stationary_covariance
from small_study import StudyFolder

from model_worker.checks.leave_one_out import efficiency_of, leave_one_out, log_likelihoods
from model_worker.checks.pareto_smoothing import fit_pareto, leave_out
from model_worker.results.expected_outcome import ModelRows, expected_outcome
from model_worker.results.thinning import thin
from model_worker.settings import Settings


@pytest.mark.parametrize("rho", [None, -0.4, 0.9])
def test_a_rows_density_is_its_conditional_one_given_the_units_other_rows(
    rho: float | None, folder: StudyFolder, settings: Settings
) -> None:
    errors = autoregressive(np.random.default_rng(1), 6, 8, 0.5)
    model = 'slopes = "common"' + ('\nerrors = "independent"' if rho is None else "")
    given = read_errors(folder, settings, errors, model, gaps=(2, 3, 6))
    panel, sigma = given.panel, 0.12
    value = thin(posterior_at(given, sigma=sigma, rho=rho, draws=4), 4)
    found = log_likelihoods(given.study, panel, value)
    rows = ModelRows.of(given.study, panel)
    mean = expected_outcome(value, panel, rows, np.arange(len(panel.outcome)))
    for unit in range(len(panel.units)):
        own, covariance = stationary_covariance(panel, unit, rho or 0.0)
        covariance = sigma**2 * covariance
        for place, row in enumerate(own):
            others = np.delete(np.arange(len(own)), place)
            gain = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, place])
            left = rows.outcome[own[others], None] - mean[own[others]]
            spread = np.sqrt(covariance[place, place] - gain @ covariance[others, place])
            density = scipy.stats.norm.logpdf(rows.outcome[row], mean[row] + gain @ left, spread)
            np.testing.assert_allclose(found[row], density, rtol=1e-8)


def test_student_errors_are_left_out_by_innovation(folder: StudyFolder, settings: Settings) -> None:
    errors = autoregressive(np.random.default_rng(1), 6, 8, 0.5)
    given = read_errors(folder, settings, errors, 'slopes = "common"', gaps=(2,))
    value = thin(posterior_at(given, sigma=0.12, rho=0.5, draws=4), 4)
    normal = {**value, "nu": np.full(4, 1e9)}
    total = log_likelihoods(given.study, given.panel, normal).sum(axis=0)
    rows = ModelRows.of(given.study, given.panel)
    mean = expected_outcome(value, given.panel, rows, np.arange(len(given.panel.outcome)))
    joint = np.zeros(4)
    for unit in range(len(given.panel.units)):
        own, covariance = stationary_covariance(given.panel, unit, 0.5)
        for draw in range(4):
            joint[draw] += scipy.stats.multivariate_normal.logpdf(
                rows.outcome[own], mean[own, draw], 0.12**2 * covariance
            )
    np.testing.assert_allclose(total, joint, rtol=1e-6)


@pytest.mark.parametrize(("draws", "efficiency"), [(1000, 1.0), (1000, 0.4), (200, 1.0)])
def test_smoothing_is_that_of_arviz(draws: int, efficiency: float) -> None:
    rng = np.random.default_rng(4)
    scale = np.geomspace(0.05, 4, 150)[:, None]
    densities = scipy.stats.norm.logpdf(scale * rng.normal(size=(150, draws)))
    expected, k, _ = array_stats.loo(densities, chain_axis=None, r_eff=efficiency)
    found = leave_out(densities, efficiency)
    np.testing.assert_allclose(found.expected, expected, rtol=1e-10)
    np.testing.assert_allclose(found.k, k, rtol=1e-8, atol=1e-10)
    assert (found.k > 0.7).any()
    assert (found.k < 0.3).any()


def test_a_tail_that_is_not_one_has_no_shape() -> None:
    tied = np.r_[np.zeros(40), np.linspace(1, 2, 40)][None]
    assert np.isnan(fit_pareto(tied)[0]).all()


def test_densities_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="finite log-likelihoods; found 1"):
        leave_out(np.where(np.eye(4, 100) > 0, -np.inf, np.ones((4, 100)))[:1], 1.0)


def test_left_out_rows_are_predicted_as_by_refitting(folder: StudyFolder, settings: Settings) -> None:
    """Against the exact predictive density of each row from the conjugate posterior without it."""
    errors = autoregressive(np.random.default_rng(1), 6, 8, 0.0)
    given = read_errors(folder, settings, errors, 'slopes = "common"\nerrors = "independent"', gaps=(2, 3))
    panel, design, sigma = given.panel, given.design, 0.1
    posterior = posterior_at(given, sigma=sigma, draws=1000)
    # With the noise known and flat priors the posterior of everything else is that of least squares.
    ratio = design.outcome_scale / design.scales[0]
    error = sigma / design.outcome_scale * np.linalg.norm(1 / design.least_squares.triangle)
    assert posterior["beta"].std() < 3 * error * ratio
    value = thin(posterior, 1000)
    group, summary = leave_one_out(
        panel, posterior, log_likelihoods(given.study, panel, value), efficiency_of(posterior, 1000)
    )
    rows = ModelRows.of(given.study, panel)
    design_rows = np.hstack(
        [
            np.eye(len(panel.units))[panel.unit_index],
            np.eye(len(panel.periods))[panel.period_index][:, 1:],
            rows.treatment[:, None],
        ]
    )
    exact = []
    for row in range(len(panel.outcome)):
        kept = np.arange(len(panel.outcome)) != row
        information = design_rows[kept].T @ design_rows[kept]
        estimate = np.linalg.solve(information, design_rows[kept].T @ rows.outcome[kept])
        leverage = design_rows[row] @ np.linalg.solve(information, design_rows[row])
        spread = sigma * np.sqrt(1 + leverage)
        exact.append(scipy.stats.norm.logpdf(rows.outcome[row], design_rows[row] @ estimate, spread))
    found = group["elpd"].to_numpy()[panel.unit_index, panel.period_index]
    reliable = group["pareto_k"].to_numpy()[panel.unit_index, panel.period_index] < 0.6
    assert reliable.mean() > 0.5
    np.testing.assert_allclose(found[reliable], np.array(exact)[reliable], atol=0.35)
    assert summary.elpd == pytest.approx(sum(exact), abs=3.0)
    assert summary.rows == len(panel.outcome)
    assert summary.worst_k == pytest.approx(float(np.nanmax(group["pareto_k"])))
    worst = group["pareto_k"].where(group["pareto_k"] == summary.worst_k, drop=True)
    assert summary.worst == f"{worst['unit'].item()}, {worst['period'].item()}"
