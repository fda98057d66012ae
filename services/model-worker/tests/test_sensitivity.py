"""Power scaling is given the densities of the model that was sampled, and sees what the prior decides."""

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from fixed_posterior import autoregressive, read_errors
from pytensor.configdefaults import config
from small_study import StudyFolder

from model_worker.checks.prior_sensitivity import judge_sensitivity, log_likelihood_of, log_prior_of
from model_worker.checks.priors import PRIOR_DRAWS, draw_priors, proper_priors
from model_worker.fit.posterior import recover_posterior
from model_worker.fit.reduction import reduce_to_likelihood
from model_worker.fit.sampling import Draws
from model_worker.models.gaussian.pymc_model import build_model
from model_worker.models.prior_scales import LOWEST_RHO
from model_worker.results.thinning import thin
from model_worker.settings import Settings


@pytest.mark.parametrize(
    "model",
    [
        'slopes = "common"\nerrors = "independent"',
        'slopes = "unit"',
        'effects = "pooled"\nerrors = "independent"',
    ],
)
def test_the_likelihood_is_the_models_own_and_the_priors_are_the_stated_ones(
    model: str, folder: StudyFolder, settings: Settings
) -> None:
    given = read_errors(folder, settings, autoregressive(np.random.default_rng(1), 8, 10, 0.5), model)
    statistics, count = reduce_to_likelihood(given.design), 5
    rng = np.random.default_rng(2)
    parameters = {"slope": rng.normal(size=(1, count)), "sigma": rng.uniform(0.2, 2, (1, count))}
    if statistics.shape.autoregressive:
        parameters["rho"] = rng.uniform(-0.8, 0.99, (1, count))
    if statistics.shape.random:
        parameters["tau"] = rng.uniform(0.1, 2, (1, count))
    with config.change_flags(mode="FAST_COMPILE"):
        compiled = build_model(statistics)
        whole = compiled.compile_logp()
        potential = compiled.compile_logp(vars=compiled.potentials)
    centre, scale = statistics.constants[-2:]
    sampled, expected = np.empty(count), np.empty(count)
    for draw in range(count):
        at = {name: values[0, draw] for name, values in parameters.items()}
        point = {"whitened": (at["slope"] - centre) / scale, "sigma_log__": np.log(at["sigma"])}
        if "rho" in at:
            share = (at["rho"] - LOWEST_RHO) / (1 - LOWEST_RHO)
            point["persistence"] = np.log(share / (1 - share))
        if "tau" in at:
            point["tau_log__"] = np.log(at["tau"])
        point = {name: np.array(value) for name, value in point.items()}
        sampled[draw], expected[draw] = float(whole(point)), float(potential(point))
    posterior = recover_posterior(Draws(parameters, xr.Dataset()), given.design, given.panel, rng)
    names = list(proper_priors(given.design, [str(name) for name in posterior.data_vars]))
    value = thin(posterior[names], count)
    found = log_likelihood_of(given.design, value, sampled)
    np.testing.assert_allclose(found - found[0], expected - expected[0], atol=1e-6)


def test_a_parameter_that_only_the_prior_knows_is_sensitive_to_it_and_one_that_the_data_know_is_not() -> None:
    rng = np.random.default_rng(3)
    unknown, known = rng.normal(0, 2.0, 4000), rng.normal(1, 0.05, 4000)
    prior = scipy.stats.norm.logpdf(unknown, 0, 2.0) + scipy.stats.norm.logpdf(known, 0, 2.0)
    likelihood = scipy.stats.norm.logpdf(known, 1, 0.05)
    by_name = {
        found.parameter: found
        for found in judge_sensitivity({"unknown": unknown, "known": known}, prior, likelihood)
    }
    assert by_name["unknown"].prior > by_name["unknown"].threshold > by_name["unknown"].likelihood
    assert by_name["known"].likelihood > by_name["known"].threshold > by_name["known"].prior


def test_the_group_prior_has_draws_of_the_priors_in_the_datas_units(
    folder: StudyFolder, settings: Settings
) -> None:
    given = read_errors(
        folder, settings, autoregressive(np.random.default_rng(1), 8, 10, 0.5), 'slopes = "unit"'
    )
    names = ("beta", "sigma", "rho", "tau", "nu", "intercept")
    posterior = xr.Dataset({name: (("chain", "draw"), np.zeros((1, 1))) for name in names})
    group = draw_priors(given.design, posterior, np.random.default_rng(1))
    assert set(group.data_vars) == {"beta", "sigma", "rho", "tau", "nu"}
    assert dict(group.sizes) == {"chain": 1, "draw": PRIOR_DRAWS}
    scale = given.design.outcome_scale
    ratio = scale / given.design.scales[0]
    assert float(group["beta"].std()) == pytest.approx(2.5 * ratio, rel=0.05)
    assert float((group["sigma"] ** 2).mean()) == pytest.approx((2 * scale) ** 2, rel=0.1)
    assert float((group["tau"] ** 2).mean()) == pytest.approx(ratio**2, rel=0.1)
    assert -0.9 <= float(group["rho"].min()) < float(group["rho"].max()) <= 1
    assert float(group["nu"].min()) > 1
    assert float(group["nu"].mean()) == pytest.approx(20, rel=0.05)
    density = proper_priors(given.design, ["nu"])["nu"].log_density(np.array([0.5, 2.0, 3.0]))
    assert density[0] == -np.inf
    assert density[1] - density[2] == pytest.approx(np.log(2 / 3) + 0.1)


def test_the_log_prior_is_that_of_all_parameters(folder: StudyFolder, settings: Settings) -> None:
    given = read_errors(
        folder, settings, autoregressive(np.random.default_rng(1), 8, 10, 0.5), 'slopes = "common"'
    )
    scale = given.design.outcome_scale
    ratio = scale / given.design.scales[0]
    value = {"beta": np.array([0.3]) * ratio, "sigma": np.array([1.5]) * scale, "rho": np.array([0.2])}
    expected = scipy.stats.norm.logpdf(0.3, 0, 2.5) + scipy.stats.halfnorm.logpdf(1.5, 0, 2) - np.log(1.9)
    assert log_prior_of(given.design, value)[0] == pytest.approx(expected)
