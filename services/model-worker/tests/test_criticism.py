"""A fit's criticism is in trace and manifest as the contract has it, and never stops a publish."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from fixed_posterior import autoregressive, posterior_at, read_errors
from small_study import StudyFolder, make_rows

from model_worker.checks import criticism
from model_worker.checks.criticism import Findings, criticise
from model_worker.checks.model_card import describe_model
from model_worker.design.regression import apply_transform
from model_worker.design.study_input import StudyInput, read_input
from model_worker.results.thinning import thin
from model_worker.service.trace_file import assemble_trace, write_trace
from model_worker.settings import Settings
from tracestore.criticism import Criticism, ModelCard
from tracestore.manifest import TRACE_FILE

CELL = ("unit", "period")
CONTRACT = {
    "counterfactual": dict.fromkeys(("median", "lower", "upper"), (CELL, "float64")),
    "posterior_predictive": {"outcome": (("replicate", *CELL), "float32")},
    "predictive_check": dict.fromkeys(("observed", "replicated"), (("check", "replicate"), "float64")),
    "residual": {
        "innovation": (CELL, "float64"),
        "autocorrelation": (("lag",), "float64"),
        "limit": (("lag",), "float64"),
    },
    "leave_one_out": dict.fromkeys(("elpd", "pareto_k"), (CELL, "float64")),
    "prior": dict.fromkeys(("beta", "sigma", "rho", "tau"), (("chain", "draw"), "float64")),
}


@pytest.fixture
def given(folder: StudyFolder, settings: Settings) -> StudyInput:
    errors = autoregressive(np.random.default_rng(1), 12, 8, 0.5)
    return read_errors(folder, settings, errors, 'slopes = "unit"', gaps=(2, 3))


@pytest.fixture
def posterior(given: StudyInput) -> xr.Dataset:
    made, rng = posterior_at(given, sigma=0.1, rho=0.5, tau=0.05), np.random.default_rng(4)
    for name in ("sigma", "rho", "tau"):
        made[name] = made[name] * rng.uniform(0.95, 1.05, made[name].shape)
    return made


def find(given: StudyInput, posterior: xr.Dataset) -> Findings:
    logp = np.random.default_rng(1).normal(size=posterior["beta"].shape)
    stats = xr.Dataset({"logp": (("chain", "draw"), logp)})
    found = criticise(given, posterior, stats, np.random.default_rng(2))
    assert found is not None
    return found


def test_the_groups_are_as_the_contract_has_them(
    given: StudyInput, posterior: xr.Dataset, tmp_path: Path
) -> None:
    found = find(given, posterior)
    write_trace(assemble_trace(given.panel, posterior, xr.Dataset(), found.groups), tmp_path)
    with xr.open_datatree(tmp_path / TRACE_FILE, engine="h5netcdf") as tree:
        for group, variables in CONTRACT.items():
            written = tree[group].to_dataset()
            shape = {str(name): (array.dims, str(array.dtype)) for name, array in written.data_vars.items()}
            assert shape == variables, group
        assert tree["counterfactual"].attrs == {"mass": 0.94, "change": 1.0, "kind": "percent"}
        checks = [str(name) for name in tree["predictive_check"]["check"].to_numpy()]
        assert tree["posterior_predictive"].sizes["replicate"] == 200
        outcome = tree["posterior_predictive"]["outcome"].to_numpy()
    assert checks == [check.name for check in found.summary.predictive_checks]
    seen = np.isfinite(given.panel.grid(given.panel.outcome))
    np.testing.assert_array_equal(np.isfinite(outcome), np.broadcast_to(seen, outcome.shape))


def test_the_summary_of_the_checks_is_that_of_their_group(given: StudyInput, posterior: xr.Dataset) -> None:
    found = find(given, posterior)
    group = found.groups["predictive_check"]
    for check in found.summary.predictive_checks:
        observed, replicated = (
            group[side].sel(check=check.name).to_numpy() for side in ("observed", "replicated")
        )
        assert check.observed == pytest.approx(observed.mean())
        assert check.probability == pytest.approx((replicated > observed).mean())
        assert ((replicated >= check.lower) & (replicated <= check.upper)).mean() == pytest.approx(0.94)


def test_the_summary_survives_the_manifest(given: StudyInput, posterior: xr.Dataset) -> None:
    summary = find(given, posterior).summary
    assert Criticism.model_validate_json(summary.model_dump_json()) == summary
    assert [each.parameter for each in summary.sensitivity] == ["beta", "sigma", "tau", "rho"]
    card = describe_model(given, [str(name) for name in posterior.data_vars])
    assert ModelCard.model_validate_json(card.model_dump_json()) == card


def test_the_counterfactual_moves_each_cell_by_its_units_slope(
    given: StudyInput, posterior: xr.Dataset
) -> None:
    group = find(given, posterior).groups["counterfactual"]
    panel = given.panel
    moved = np.log(group["median"].to_numpy()[panel.unit_index, panel.period_index] / panel.outcome)
    slope = np.median(thin(posterior, 1000)["beta_unit"], axis=-1)
    np.testing.assert_allclose(moved, slope[panel.unit_index] * np.log(1.01), rtol=1e-3)
    assert bool((group["lower"] < group["upper"]).where(group["median"].notnull(), True).all())


def test_a_change_that_is_not_defined_has_no_counterfactual(folder: StudyFolder, settings: Settings) -> None:
    folder.text = folder.text.replace(
        'kind = "percent", default = 1, min = -50, max = 100',
        'kind = "units", default = -1, min = -2, max = 2',
    )
    errors = autoregressive(np.random.default_rng(1), 12, 8, 0.5)
    given = read_errors(folder, settings, errors, 'slopes = "common"')
    group = find(given, posterior_at(given, sigma=0.1, rho=0.5)).groups["counterfactual"]
    defined = given.panel.treatment > 1
    found = group["median"].to_numpy()[given.panel.unit_index, given.panel.period_index]
    np.testing.assert_array_equal(np.isfinite(found), defined)
    assert 0 < defined.sum() < len(defined)


def test_what_cannot_be_computed_is_named_in_the_log_and_left_out(
    given: StudyInput,
    posterior: xr.Dataset,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("the weights are all the same")

    monkeypatch.setattr(criticism.leaving, "leave_one_out", fail)
    found = find(given, posterior)
    assert found.summary.leave_one_out is None
    assert "leave_one_out" not in found.groups
    assert found.summary.predictive_checks
    assert "leave-one-out could not be computed and is left out: the weights are all the same" in caplog.text


def test_a_parameter_whose_sensitivity_is_not_defined_is_left_out_alone(
    given: StudyInput, posterior: xr.Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    posterior["rho"][:] = 0.5
    found = find(given, posterior)
    assert [each.parameter for each in found.summary.sensitivity] == ["beta", "sigma", "tau"]
    assert "prior sensitivity of rho could not be computed" in caplog.text


def test_draws_that_are_not_finite_are_not_criticised(given: StudyInput, posterior: xr.Dataset) -> None:
    posterior["sigma"][0, 0] = np.nan
    assert criticise(given, posterior, xr.Dataset(), np.random.default_rng(1)) is None


def test_large_panels_are_not_left_out_row_by_row(
    given: StudyInput, posterior: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(criticism.leaving, "MOST_ROWS", 10)
    found = find(given, posterior)
    assert found.summary.leave_one_out is None
    assert "leave_one_out" not in found.groups


def test_the_card_has_the_studys_names_transforms_and_scales(
    given: StudyInput, posterior: xr.Dataset
) -> None:
    card = describe_model(given, [str(name) for name in posterior.data_vars])
    text = "\n".join(card.equations)
    assert "log yᵢₜ = α + uᵢ + vₜ + βᵢ log xᵢₜ + eᵢₜ" in text  # noqa: RUF001
    assert "y: Sales, in packs" in text
    assert "x: Tax, in US$" in text
    outcome, treatment = (
        given.design.space.residual(apply_transform(values, "log")).std()
        for values in (given.panel.outcome, given.panel.treatment)
    )
    (beta,) = (prior for prior in card.priors if prior.parameter == "beta")
    scale = float(beta.distribution.removeprefix("Normal(0, ").removesuffix(")"))
    assert scale == pytest.approx(2.5 * outcome / treatment, rel=0.01)
    assert any("adjusts slowly" in limit for limit in card.limits)


def test_the_card_says_what_the_model_has_and_no_more(given: StudyInput) -> None:
    plain = describe_model(given, ["beta", "sigma", "intercept", "unit_effect", "period_effect"])
    assert {prior.parameter for prior in plain.priors} == {
        *("beta", "sigma"),
        "intercept, period_effect, unit_effect",
    }
    assert not any("ρ" in line or "τ" in line for line in plain.equations)  # noqa: RUF001
    assert any("far too narrow" in limit for limit in plain.limits)
    heavy = describe_model(given, ["beta", "sigma", "rho", "nu", "unit_effect"])
    assert any("Student-t(ν" in line for line in heavy.equations)  # noqa: RUF001
    assert "nu" in {prior.parameter for prior in heavy.priors}


def test_beside_pooled_effects_the_card_says_what_they_compare_and_sums_what_the_trace_sums(
    given: StudyInput,
) -> None:
    names = ["beta", "sigma", "intercept", "unit_effect", "unit_spread", "period_effect"]
    card = describe_model(given, names)
    assert any("by their changes and by their levels" in limit for limit in card.limits)
    assert not any("compares changes within" in limit for limit in card.limits)
    assert not any("Σᵢ uᵢ = 0" in line for line in card.equations)
    assert any("unit_effect: uᵢ − ū" in line for line in card.equations)  # noqa: RUF001


def test_steps_of_lags_and_of_errors_are_told_in_periods(folder: StudyFolder, settings: Settings) -> None:
    """Rows in pairs of years: a lag is one year, and from one row that has it to the next there are four."""
    years = {year: 2000 + 4 * (year // 2) + year % 2 for year in range(16)}
    folder.rows = make_rows(6, 16)
    for line in range(2, len(folder.rows) + 1):
        folder.set_cell(line, "year", str(years[(line - 2) % 16]))
    folder.text += "\n[model]\nlags = 1\n"
    given = read_input(folder.write(), settings)
    assert given.panel.periods == tuple(range(2001, 2033, 4))
    card = describe_model(given, ["beta", "sigma", "rho", "beta_lag", "unit_effect", "period_effect"])
    assert any("The outcome answers over 1 year;" in sentence for sentence in card.words)
    assert any("from one step of 4 years to the next" in sentence for sentence in card.words)
    assert any("k steps of 4 years earlier" in line for line in card.equations)
    assert card.equations[-1].endswith("l: 1 year")
