"""The gate lets through what is sound; what is missing or broken fails."""

import numpy as np
import pytest
import xarray as xr

from model_worker.fit.gate import judge
from model_worker.fit.verdicts import explain
from tracestore.manifest import Check, Verdict

CHAINS, DRAWS = 4, 500


@pytest.fixture
def posterior() -> xr.Dataset:
    rng = np.random.default_rng(3)
    return xr.Dataset(
        {
            "beta": (("chain", "draw"), rng.normal(size=(CHAINS, DRAWS))),
            "unit_effect": (("chain", "draw", "unit"), rng.normal(size=(CHAINS, DRAWS, 2))),
        },
        coords={"chain": range(CHAINS), "draw": range(DRAWS), "unit": ["CA", "TX"]},
    )


@pytest.fixture
def sample_stats() -> xr.Dataset:
    energy = np.random.default_rng(6).normal(size=(CHAINS, DRAWS))
    return xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros((CHAINS, DRAWS), dtype=bool)),
            "energy": (("chain", "draw"), energy),
        }
    )


def failed(
    posterior: xr.Dataset, sample_stats: xr.Dataset, effects: xr.Dataset | None = None
) -> dict[str, Check]:
    effects = xr.Dataset() if effects is None else effects
    verdict = judge(posterior, effects, sample_stats, chains=CHAINS, draws=DRAWS)
    assert len(verdict.checks) == 8
    return {check.name: check for check in verdict.checks if not check.passed}


def test_a_sound_fit_passes(posterior: xr.Dataset, sample_stats: xr.Dataset) -> None:
    assert not failed(posterior, sample_stats)


def test_one_divergence_fails_and_names_the_chain(posterior: xr.Dataset, sample_stats: xr.Dataset) -> None:
    sample_stats["diverging"][2, 7] = True
    checks = failed(posterior, sample_stats)
    assert list(checks) == ["divergences"]
    assert (checks["divergences"].value, checks["divergences"].worst) == (1, "chain 2")


def test_a_chain_elsewhere_fails_r_hat_and_names_variable_and_coordinate(
    posterior: xr.Dataset, sample_stats: xr.Dataset
) -> None:
    posterior["unit_effect"][1, :, 1] += 5
    checks = failed(posterior, sample_stats)
    assert checks["r_hat"].worst == "unit_effect[TX]"
    assert checks["ess_bulk"].worst == "unit_effect[TX]"


def test_a_chain_that_creeps_fails_on_effective_draws(
    posterior: xr.Dataset, sample_stats: xr.Dataset
) -> None:
    creeping = np.random.default_rng(4).normal(size=(CHAINS, DRAWS))
    for draw in range(1, DRAWS):
        creeping[:, draw] = 0.95 * creeping[:, draw - 1] + 0.3 * creeping[:, draw]
    posterior["beta"][:] = creeping
    checks = failed(posterior, sample_stats)
    assert checks["ess_bulk"].worst == "beta"
    assert checks["ess_bulk"].value is not None
    assert checks["ess_bulk"].value < 400


def test_a_value_that_is_not_a_number_is_a_failure(posterior: xr.Dataset, sample_stats: xr.Dataset) -> None:
    posterior["beta"][0, 3] = np.nan
    checks = failed(posterior, sample_stats)
    assert {"r_hat", "ess_bulk", "ess_tail", "not_finite"} <= set(checks)
    assert checks["r_hat"].value is None
    assert checks["not_finite"].worst == "beta"


def test_a_constant_parameter_is_a_failure(posterior: xr.Dataset, sample_stats: xr.Dataset) -> None:
    posterior["beta"][:] = 1.0
    assert failed(posterior, sample_stats)["r_hat"].worst == "beta"


def test_missing_statistics_of_the_sampler_are_a_failure(posterior: xr.Dataset) -> None:
    checks = failed(posterior, xr.Dataset())
    assert checks["divergences"].value is None
    assert checks["e_bfmi"].value is None


def test_energy_that_creeps_fails_and_names_the_chain(
    posterior: xr.Dataset, sample_stats: xr.Dataset
) -> None:
    sample_stats["energy"][1] = np.linspace(-2, 2, DRAWS)
    checks = failed(posterior, sample_stats)
    assert list(checks) == ["e_bfmi"]
    assert checks["e_bfmi"].worst == "chain 1"


def test_an_estimand_that_creeps_fails_though_the_parameters_do_not(
    posterior: xr.Dataset, sample_stats: xr.Dataset
) -> None:
    creeping = np.random.default_rng(4).normal(size=(CHAINS, DRAWS))
    for draw in range(1, DRAWS):
        creeping[:, draw] = 0.97 * creeping[:, draw - 1] + 0.3 * creeping[:, draw]
    effects = xr.Dataset({"effect_on_all": (("chain", "draw"), creeping)})
    checks = failed(posterior, sample_stats, effects)
    assert checks["ess_bulk"].worst == "effect_on_all"
    assert checks["mcse"].worst == "effect_on_all"
    assert checks["mcse"].value is not None
    assert checks["mcse"].value > 0.05


def test_a_chain_that_ended_early_is_a_failure(posterior: xr.Dataset, sample_stats: xr.Dataset) -> None:
    posterior["beta"][3, 400:] = np.nan
    assert failed(posterior, sample_stats)["finished_chains"].value == 3


def test_too_few_draws_are_a_failure(posterior: xr.Dataset, sample_stats: xr.Dataset) -> None:
    checks = failed(posterior.isel(draw=slice(DRAWS - 1)), sample_stats)
    assert checks["finished_chains"].value == 0


def test_an_empty_posterior_fails_every_statistic(sample_stats: xr.Dataset) -> None:
    assert {"r_hat", "ess_bulk", "ess_tail", "finished_chains", "not_finite"} <= set(
        failed(xr.Dataset(), sample_stats)
    )


def test_a_failure_is_explained_with_value_and_limit() -> None:
    check = Check(name="r_hat", value=1.2, threshold=1.01, passed=False, worst="beta")
    assert explain(Verdict(checks=(check,))) == (
        "The fit did not pass its diagnostics: r_hat is 1.2 for beta (limit 1.01)."
    )
    assert explain(Verdict(checks=(check.model_copy(update={"passed": True}),))) == ""
    assert "nothing was checked" in explain(Verdict(checks=()))
