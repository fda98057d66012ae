"""The gate lets through what is sound; what is missing or broken fails."""

import numpy as np
import pytest
import xarray as xr

from model_worker.diagnostics import judge
from model_worker.verdicts import explain
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
    return xr.Dataset({"diverging": (("chain", "draw"), np.zeros((CHAINS, DRAWS), dtype=bool))})


def failed(posterior: xr.Dataset, sample_stats: xr.Dataset) -> dict[str, Check]:
    verdict = judge(posterior, sample_stats, chains=CHAINS, draws=DRAWS)
    assert len(verdict.checks) == 6
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


def test_missing_divergences_are_a_failure(posterior: xr.Dataset) -> None:
    assert failed(posterior, xr.Dataset())["divergences"].value is None


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
