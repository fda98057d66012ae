"""The fast model is the model that is stated: against a naive one in PyMC, least squares and the data."""

from collections.abc import Callable
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from arviz_stats.sampling_diagnostics import ess
from numpy.typing import NDArray
from pytensor.configdefaults import config
from reference import build_naive_model, set_rho
from small_study import REPOSITORY, StudyFolder

from model_worker.design.regression import Design, apply_transform
from model_worker.design.study_input import StudyInput, read_input
from model_worker.fit.posterior import recover_posterior
from model_worker.fit.reduction import reduce_to_likelihood
from model_worker.fit.sampling import Draws, sample
from model_worker.models.gaussian.pymc_model import build_model
from model_worker.models.prior_scales import LOWEST_RHO
from model_worker.results.expected_outcome import ModelRows, expected_outcome
from model_worker.settings import Settings

Floats = NDArray[np.float64]
Read = Callable[[str], StudyInput]

VARIANTS = {
    "ar1, common slope": 'slopes = "common"',
    "ar1, unit slopes": 'slopes = "unit"',
    "ar1, unit slopes, trends": 'slopes = "unit"\ntrends = true',
    "independent, common slope": 'errors = "independent"\nslopes = "common"',
    "independent, unit slopes": 'errors = "independent"\nslopes = "unit"',
    "independent, pooled effects": 'errors = "independent"\neffects = "pooled"',
    "ar1, pooled effects": 'effects = "pooled"',
    "ar1, unit slopes, lags": 'slopes = "unit"\nlags = 1',
    "independent, trends": 'errors = "independent"\nslopes = "common"\ntrends = true',
}


def own_units(design: Design, slopes: Floats) -> Floats:
    return slopes * design.outcome_scale / design.scales


def regressors(given: StudyInput) -> Floats:
    treatment = apply_transform(given.panel.treatment, given.study.toml.treatment.transform)
    return np.column_stack([treatment, given.panel.controls])


def by_dummies(given: StudyInput) -> tuple[Floats, Floats]:
    """Least squares with a column per unit and period: slopes and their classical standard errors."""
    panel = given.panel
    outcome = apply_transform(panel.outcome, given.study.toml.outcome.transform)
    units = np.eye(len(panel.units))[panel.unit_index]
    periods = np.eye(len(panel.periods))[panel.period_index][:, 1:]
    x = np.hstack([regressors(given), units, periods])
    coefficients, _, rank, _ = np.linalg.lstsq(x, outcome)
    residual_sum = np.sum((outcome - x @ coefficients) ** 2)
    variance = residual_sum / (len(outcome) - rank) * np.diag(np.linalg.pinv(x.T @ x))
    count = regressors(given).shape[1]
    return coefficients[:count], np.sqrt(variance[:count])


def test_least_squares_agrees_with_a_column_per_unit_and_period(unbalanced: Read) -> None:
    given = unbalanced('errors = "independent"')
    slopes, errors = by_dummies(given)
    fit = given.design.least_squares
    np.testing.assert_allclose(own_units(given.design, fit.slopes), slopes, rtol=1e-9)
    np.testing.assert_allclose(own_units(given.design, fit.standard_errors), errors, rtol=1e-9)


class Naive:
    """The naive model at one rho; Gaussian in its effects, so that Laplace's method is exact."""

    def __init__(self, given: StudyInput) -> None:
        self.panel = given.panel
        self.model = build_naive_model(given.design, given.panel)
        known = {"slope", "sigma", "tau"}
        self.effects = [item for item in self.model.free_RVs if item.name.split("_")[0] not in known]
        # Interpreted: a few hundred calls do not pay for compiling.
        with config.change_flags(mode="FAST_COMPILE"):
            self.gradient = self.model.compile_dlogp(self.effects, jacobian=False)
            self.logp = self.model.compile_logp(jacobian=False)

    def condition(self, slope: float, sigma: float, tau: float, rho: float) -> tuple[float, Floats, Floats]:
        """Return log p with the effects integrated out, their conditional mean and covariance."""
        set_rho(self.model, self.panel, rho)
        point = {name: np.zeros_like(value) for name, value in self.model.initial_point().items()}
        point |= {"slope": np.array(slope), "sigma_log__": np.log(sigma)}
        if "tau_log__" in point:
            point["tau_log__"] = np.log(tau)
        sizes = [point[effect.name].size for effect in self.effects]

        def gradient_at(effects: Floats) -> Floats:
            parts = np.split(effects, np.cumsum(sizes)[:-1])
            point.update({effect.name: part for effect, part in zip(self.effects, parts, strict=True)})
            return np.asarray(self.gradient(point))

        at_zero = gradient_at(np.zeros(sum(sizes)))
        precision = np.array([at_zero - gradient_at(column) for column in np.eye(sum(sizes))])
        mean = np.linalg.solve(precision, at_zero)
        gradient_at(mean)
        log_density = float(self.logp(point)) - 0.5 * np.linalg.slogdet(precision)[1]
        return log_density, mean, np.linalg.inv(precision)


POINTS = [(0.0, 0.5, 0.2), (-0.6, 0.9, 0.7), (0.4, 1.3, 0.05), (-1.5, 0.7, 2.5)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_likelihood_is_that_of_the_naive_model_with_its_effects_integrated_out(
    variant: str, unbalanced: Read
) -> None:
    given = unbalanced(VARIANTS[variant])
    statistics = reduce_to_likelihood(given.design)
    logp = build_model(statistics).compile_logp(jacobian=False)
    centre, scale = statistics.constants[-2:]
    differences = []
    naive = Naive(given)
    for rho in (-0.4, 0.0, 0.7, 0.97) if statistics.shape.autoregressive else (0.0,):
        for slope, sigma, tau in POINTS:
            point = {"whitened": (slope - centre) / scale, "sigma_log__": np.log(sigma)}
            ours = 0.0
            if statistics.shape.autoregressive:
                share = (rho - LOWEST_RHO) / (1 - LOWEST_RHO)
                point["persistence"] = np.log(share / (1 - share))
                ours -= scipy.stats.logistic.logpdf(point["persistence"])
            if statistics.shape.random:
                point["tau_log__"] = np.log(tau)
            ours += float(logp({name: np.array(value) for name, value in point.items()}))
            differences.append(ours - naive.condition(slope, sigma, tau, rho)[0])
    # The naive model's wide priors stand for flat ones: that leaves some 1e-5.
    np.testing.assert_allclose(differences, differences[0], atol=2e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_recovered_effects_have_the_moments_of_the_naive_models_conditional(
    variant: str, unbalanced: Read
) -> None:
    given = unbalanced(VARIANTS[variant])
    design, panel, count = given.design, given.panel, 20_000
    (slope, sigma, tau), rho = (-0.6, 0.9, 0.7), 0.6 if design.specification.autoregressive else 0.0
    parameters = {"slope": slope, "sigma": sigma, "rho": rho, "tau": tau}
    draws = Draws({name: np.full((1, count), value) for name, value in parameters.items()}, xr.Dataset())
    posterior = recover_posterior(draws, design, panel, np.random.default_rng(1))
    value = {str(name): posterior[name].to_numpy()[0].T for name in posterior.data_vars}
    every = np.arange(len(panel.outcome))
    found = expected_outcome(value, panel, ModelRows.of(given.study, panel), every)
    found = (found - design.outcome_centre) / design.outcome_scale

    naive = Naive(given)
    _, mean, covariance = naive.condition(slope, sigma, tau, rho)
    rows = naive_design(naive, given)
    expected = rows @ mean + slope * design.regressors[:, 0]
    error = np.sqrt(np.diag(rows @ covariance @ rows.T))
    np.testing.assert_allclose(found.mean(axis=1), expected, atol=5 * error.max() / np.sqrt(count))
    np.testing.assert_allclose(found.std(axis=1), error, rtol=6 / np.sqrt(2 * count))
    np.testing.assert_allclose(posterior["unit_effect"].sum("unit"), 0, atol=1e-9)
    np.testing.assert_allclose(posterior["period_effect"].sum("period"), 0, atol=1e-9)


def naive_design(naive: Naive, given: StudyInput) -> Floats:
    """The naive model's effects as columns of the rows."""
    panel, design = given.panel, given.design
    times = np.array(panel.periods, dtype=float)
    unit = np.eye(len(panel.units))[panel.unit_index]
    treatment = design.regressors[:, :1] if design.specification.random == "treatment" else 1.0
    blocks = {
        "period": np.eye(len(panel.periods))[panel.period_index],
        "unit": unit,
        "trend": unit * ((times - times.mean()) / np.ptp(times))[panel.period_index, None],
        "control": design.regressors[:, 1:],
        "deviation": unit * treatment,
    }
    return np.hstack([blocks[effect.name] for effect in naive.effects])


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
def test_with_independent_errors_the_posterior_is_that_of_least_squares(
    study: str, slope: float, error: float, folder: StudyFolder, settings: Settings
) -> None:
    """Mean and standard deviation of beta, at four Monte Carlo standard errors (one in 16,000 by chance)."""
    shipped = Path(REPOSITORY / "studies" / study)
    folder.text = (shipped / "study.toml").read_text()
    folder.text += '\n[model]\nerrors = "independent"\nslopes = "common"\n'
    folder.write()
    (folder.path / f"{study}.csv").write_bytes((shipped / f"{study}.csv").read_bytes())
    design = read_input(folder.path, settings).design
    fit = design.least_squares
    assert own_units(design, fit.slopes)[0] == pytest.approx(slope, abs=5e-7)
    assert own_units(design, fit.standard_errors)[0] == pytest.approx(error, abs=5e-7)
    draws = sample(
        reduce_to_likelihood(design),
        chains=4,
        draws=1000,
        tune=1000,
        seed=20050101,
        progress=print,
        stop=Event(),
    )
    beta = draws.parameters["slope"] * design.outcome_scale / design.scales[0]
    moments = xr.Dataset(
        {"mean": (("chain", "draw"), beta), "square": (("chain", "draw"), (beta - beta.mean()) ** 2)}
    )
    effective = ess(moments, method="mean")  # type: ignore[no-untyped-call]
    # With an unknown noise scale the flat-prior posterior is Student's t, wider than the classical error.
    spread = error * np.sqrt(fit.freedom / (fit.freedom - 2))
    assert beta.mean() == pytest.approx(slope, abs=4 * spread / np.sqrt(effective["mean"].item()))
    assert beta.std() == pytest.approx(spread, rel=4 / np.sqrt(2 * effective["square"].item()))


def test_units_of_the_outcome_and_the_treatment_change_nothing_but_the_units(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.text = folder.text.replace('transform = "log"', 'transform = "identity"')
    small = read_input(folder.write(), settings)
    for line in range(2, len(folder.rows) + 1):
        cells = folder.rows[line - 1].split(",")
        folder.set_cell(line, "sales", repr(float(cells[3]) * 1e9))
        folder.set_cell(line, "tax", repr(float(cells[4]) * 1e-6))
    large = read_input(folder.write(), settings)
    ours, theirs = reduce_to_likelihood(small.design), reduce_to_likelihood(large.design)
    np.testing.assert_allclose(ours.coefficients, theirs.coefficients, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ours.constants, theirs.constants, rtol=1e-8)
    assert large.design.outcome_scale == pytest.approx(1e9 * small.design.outcome_scale)
    assert large.design.scales[0] == pytest.approx(1e-6 * small.design.scales[0])
