"""The fast model is the model that is stated: against dense algebra, least squares and the data shipped."""

from pathlib import Path
from threading import Event

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from arviz_stats.sampling_diagnostics import ess
from numpy.typing import NDArray
from small_study import REPOSITORY, StudyFolder

from model_worker.design import Design, apply_transform
from model_worker.inputs import StudyInput, read_input
from model_worker.model import EFFECT_SCALE, NOISE_SCALE, SLOPE_SCALE, build_model, reduce_design
from model_worker.posterior import recover_posterior
from model_worker.sampling import Draws, sample
from model_worker.settings import Settings

Floats = NDArray[np.float64]


@pytest.fixture
def unbalanced(folder: StudyFolder, settings: Settings) -> StudyInput:
    """A panel with a gap, a unit seen twice only, and a control."""
    folder.text = folder.text.replace("controls = []", 'controls = ["income"]')
    del folder.rows[20], folder.rows[11:17]
    return read_input(folder.write(), settings)


def dummies(given: StudyInput) -> Floats:
    panel = given.panel
    units = np.eye(len(panel.units))[panel.unit_index]
    periods = np.eye(len(panel.periods))[panel.period_index][:, 1:]
    return np.hstack([units, periods])


def regressors(given: StudyInput) -> Floats:
    treatment = apply_transform(given.panel.treatment, given.study.toml.treatment.transform)
    return np.column_stack([treatment, given.panel.controls])


def by_dummies(given: StudyInput) -> tuple[Floats, Floats]:
    """Least squares with a column per unit and period: slopes and their classical standard errors."""
    outcome = apply_transform(given.panel.outcome, given.study.toml.outcome.transform)
    x = np.hstack([regressors(given), dummies(given)])
    coefficients, _, rank, _ = np.linalg.lstsq(x, outcome)
    residual_sum = np.sum((outcome - x @ coefficients) ** 2)
    variance = residual_sum / (len(outcome) - rank) * np.diag(np.linalg.pinv(x.T @ x))
    count = regressors(given).shape[1]
    return coefficients[:count], np.sqrt(variance[:count])


def own_units(design: Design, slopes: Floats) -> Floats:
    return slopes * design.outcome_scale / design.scales


def test_least_squares_agrees_with_a_column_per_unit_and_period(unbalanced: StudyInput) -> None:
    slopes, errors = by_dummies(unbalanced)
    fit = unbalanced.design.least_squares
    np.testing.assert_allclose(own_units(unbalanced.design, fit.slopes), slopes, rtol=1e-9)
    np.testing.assert_allclose(own_units(unbalanced.design, fit.standard_errors), errors, rtol=1e-9)


def dense_covariance(design: Design, sigma: float) -> Floats:
    """Covariance of the outcome with the effects integrated out, from zero-sum dummies of every row."""
    space = design.space
    unit = space.unit_contrasts[space.unit_index]
    period = space.period_contrasts[space.period_index]
    effects = np.hstack([np.ones((len(unit), 1)), unit, period])
    return EFFECT_SCALE**2 * effects @ effects.T + sigma**2 * np.eye(len(unit))


def test_the_likelihood_is_that_of_the_dense_gaussian_with_zero_sum_effects(unbalanced: StudyInput) -> None:
    design = unbalanced.design
    statistics = reduce_design(design)
    logp = build_model(statistics).compile_logp(jacobian=False)
    centre, scale = statistics.whitening
    differences = []
    for whitened, sigma in ([0.0, 0.0], 0.1), ([2.0, -1.0], 0.3), ([-30.0, 4.0], 1.2):
        slopes = centre + scale * np.array(whitened)
        ours = logp({"whitened": np.array(whitened), "sigma_log__": np.log(sigma)})
        dense = scipy.stats.multivariate_normal.logpdf(
            design.outcome, design.regressors @ slopes, dense_covariance(design, sigma)
        )
        dense += scipy.stats.norm.logpdf(slopes, 0, SLOPE_SCALE).sum()
        dense += scipy.stats.halfnorm.logpdf(sigma, 0, NOISE_SCALE)
        differences.append(ours - dense)
    np.testing.assert_allclose(differences, differences[0], atol=1e-6)


def test_recovered_effects_have_the_moments_of_their_dense_conditional(unbalanced: StudyInput) -> None:
    design, count, sigma = unbalanced.design, 40_000, 0.2
    slopes = np.broadcast_to(design.least_squares.slopes, (1, count, 2))
    draws = Draws(slopes, np.full((1, count), sigma), xr.Dataset())
    posterior = recover_posterior(draws, design, unbalanced.panel, np.random.default_rng(1))
    space = design.space
    contrasts = space.unit_contrasts[space.unit_index], space.period_contrasts[space.period_index]
    effects = np.hstack([np.ones((len(design.outcome), 1)), *contrasts])
    precision = effects.T @ effects / sigma**2 + np.eye(effects.shape[1]) / EFFECT_SCALE**2
    covariance = np.linalg.inv(precision)
    target = design.outcome - design.regressors @ design.least_squares.slopes
    mean = covariance @ effects.T @ target / sigma**2
    units = slice(1, space.unit_contrasts.shape[0])
    expected = space.unit_contrasts @ mean[units] * design.outcome_scale
    spread = space.unit_contrasts @ covariance[units, units] @ space.unit_contrasts.T
    found = posterior["unit_effect"].to_numpy()[0]
    error = np.sqrt(np.diag(spread)) * design.outcome_scale
    np.testing.assert_allclose(found.mean(axis=0), expected, atol=5 * error.max() / np.sqrt(count))
    np.testing.assert_allclose(found.std(axis=0), error, rtol=5 / np.sqrt(2 * count))


def test_effects_sum_to_zero_and_add_up_to_the_fit(unbalanced: StudyInput) -> None:
    design, panel = unbalanced.design, unbalanced.panel
    draws = Draws(
        np.broadcast_to(design.least_squares.slopes, (2, 50, 2)), np.full((2, 50), 1e-6), xr.Dataset()
    )
    posterior = recover_posterior(draws, design, panel, np.random.default_rng(1))
    np.testing.assert_allclose(posterior["unit_effect"].sum("unit"), 0, atol=1e-9)
    np.testing.assert_allclose(posterior["period_effect"].sum("period"), 0, atol=1e-9)
    last = posterior.isel(chain=0, draw=0)
    fitted = (
        last["intercept"].item()
        + last["unit_effect"].to_numpy()[panel.unit_index]
        + last["period_effect"].to_numpy()[panel.period_index]
        + regressors(unbalanced) @ np.array([last["beta"].item(), *last["gamma"].to_numpy()])
    )
    left = np.log(panel.outcome) - fitted
    np.testing.assert_allclose(
        np.linalg.norm(left), np.sqrt(design.least_squares.residual_sum) * design.outcome_scale, rtol=1e-4
    )


def test_a_panel_in_separate_groups_still_identifies_the_slope(
    folder: StudyFolder, settings: Settings
) -> None:
    header, *rows = folder.rows
    early = [row for row in rows if row[:2] in ("U0", "U1", "U2") and int(row.split(",")[2]) < 2004]
    late = [row for row in rows if row[:2] in ("U3", "U4", "U5") and int(row.split(",")[2]) >= 2004]
    folder.rows = [header, *early, *late]
    given = read_input(folder.write(), settings)
    assert given.design.space.null.shape[1] == 1
    slopes, errors = by_dummies(given)
    assert own_units(given.design, given.design.least_squares.slopes) == pytest.approx(slopes)
    assert own_units(given.design, given.design.least_squares.standard_errors) == pytest.approx(errors)


@pytest.mark.parametrize(
    ("study", "slope", "error"),
    [("smoking-spending", -0.010166, 0.004643), ("cigarette-sales", -0.276655, 0.007637)],
)
def test_the_posterior_agrees_with_least_squares_within_monte_carlo_error(
    study: str, slope: float, error: float, settings: Settings
) -> None:
    """Mean and standard deviation of beta, at four Monte Carlo standard errors (one in 16,000 by chance)."""
    given = read_input(Path(REPOSITORY / "studies" / study), settings)
    design, fit = given.design, given.design.least_squares
    assert own_units(design, fit.slopes)[0] == pytest.approx(slope, abs=5e-7)
    assert own_units(design, fit.standard_errors)[0] == pytest.approx(error, abs=5e-7)
    draws = sample(
        reduce_design(design), chains=4, draws=1000, tune=1000, seed=20050101, progress=print, stop=Event()
    )
    beta = draws.slopes[:, :, 0] * design.outcome_scale / design.scales[0]
    moments = xr.Dataset(
        {"mean": (("chain", "draw"), beta), "square": (("chain", "draw"), (beta - beta.mean()) ** 2)}
    )
    effective = ess(moments, method="mean")  # type: ignore[no-untyped-call]
    # With an unknown noise scale the flat-prior posterior is Student's t, wider than the classical error.
    spread = error * np.sqrt(fit.freedom / (fit.freedom - 2))
    assert beta.mean() == pytest.approx(slope, abs=4 * spread / np.sqrt(effective["mean"].item()))
    assert beta.std() == pytest.approx(spread, rel=4 / np.sqrt(2 * effective["square"].item()))


def test_units_of_the_outcome_change_nothing_but_the_units(folder: StudyFolder, settings: Settings) -> None:
    plain = folder.text.replace(
        'units = "packs", transform = "log"', 'units = "packs", transform = "identity"'
    )
    folder.text = plain
    small = read_input(folder.write(), settings)
    for line in range(2, len(folder.rows) + 1):
        value = float(folder.rows[line - 1].split(",")[3])
        folder.set_cell(line, "sales", repr(value * 1e9))
    large = read_input(folder.write(), settings)
    np.testing.assert_allclose(
        reduce_design(small.design).table, reduce_design(large.design).table, rtol=1e-6, atol=1e-9
    )
    assert large.design.outcome_scale == pytest.approx(1e9 * small.design.outcome_scale)
