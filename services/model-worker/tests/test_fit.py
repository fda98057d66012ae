"""A fit publishes a trace as the contract has it, the same one for the same input, or keeps it back."""

from collections.abc import Callable

import arviz_stats  # noqa: F401 - registers the accessor
import numpy as np
import pytest
import xarray as xr
from small_study import StudyFolder

from model_worker.results.intervals import narrowest_interval
from model_worker.service.reconciler import Reconciler
from model_worker.settings import Settings
from tracestore.errors import NothingPublished
from tracestore.store import TraceStore

MakeReconciler = Callable[[Settings], Reconciler]


@pytest.fixture
def trace_of(
    settings: Settings, reconciler_of: MakeReconciler
) -> Callable[[StudyFolder, Settings], xr.DataTree]:
    def fit(folder: StudyFolder, settings: Settings) -> xr.DataTree:
        folder.write()
        reconciler_of(settings).reconcile()
        store = TraceStore(settings.traces_dir)
        version = store.verified("small", store.current("small").version)
        with xr.open_datatree(version.trace, engine="h5netcdf") as tree:
            return tree.load()

    return fit


def test_the_trace_is_what_the_contract_says(
    folder: StudyFolder, settings: Settings, trace_of: Callable[[StudyFolder, Settings], xr.DataTree]
) -> None:
    folder.text = folder.text.replace("controls = []", 'controls = ["income"]')
    folder.text += '[model]\nslopes = "unit"\n'
    del folder.rows[10]
    tree = trace_of(folder, settings.model_copy(update={"draws": 1000, "tune": 1000}))
    shapes = {name: values.dims for name, values in tree["posterior"].to_dataset().data_vars.items()}
    sample = ("chain", "draw")
    assert shapes == {
        "beta": sample,
        "beta_unit": (*sample, "unit"),
        "tau": sample,
        "rho": sample,
        "intercept": sample,
        "sigma": sample,
        "unit_effect": (*sample, "unit"),
        "period_effect": (*sample, "period"),
        "gamma": (*sample, "control"),
    }
    posterior = tree["posterior"]
    assert all(values.dtype == np.float64 for values in posterior.data_vars.values())
    assert dict(posterior.sizes) == {"chain": 4, "draw": 1000, "unit": 6, "period": 8, "control": 1}
    assert posterior["unit"].to_numpy().tolist() == [f"U{i}" for i in range(6)]
    assert posterior["period"].to_numpy().tolist() == list(range(2000, 2008))
    assert tree["sample_stats"]["diverging"].dims == sample
    panel, band = tree["panel"].to_dataset(), tree["band"].to_dataset()
    missing = panel["outcome"].isnull().to_numpy()
    assert missing.sum() == 1
    assert missing[1, 1]
    assert float(panel["outcome"][0, 0]) == pytest.approx(float(folder.rows[1].split(",")[3]))
    assert band.attrs["mass"] == 0.94
    for name in ("median", "lower", "upper"):
        np.testing.assert_array_equal(band[name].isnull().to_numpy(), missing)
    inside = (panel["outcome"] >= band["lower"]) & (panel["outcome"] <= band["upper"])
    assert inside.sum() >= 40
    assert bool(
        ((band["median"] > band["lower"]) & (band["median"] < band["upper"])).where(~missing, True).all()
    )


def test_the_slope_that_made_the_data_is_found(
    folder: StudyFolder, settings: Settings, trace_of: Callable[[StudyFolder, Settings], xr.DataTree]
) -> None:
    beta = trace_of(folder, settings)["posterior"]["beta"]
    assert abs(float(beta.mean()) + 0.5) < 4 * float(beta.std())


def test_the_same_identity_gives_the_same_trace(
    folder: StudyFolder, settings: Settings, trace_of: Callable[[StudyFolder, Settings], xr.DataTree]
) -> None:
    first = trace_of(folder, settings)
    elsewhere = settings.model_copy(update={"traces_dir": settings.traces_dir.with_name("elsewhere")})
    second = trace_of(folder, elsewhere)
    for group in ("posterior", "band", "panel"):
        xr.testing.assert_identical(first[group].to_dataset(), second[group].to_dataset())
    (one,), (other,) = (TraceStore(each.traces_dir).versions("small") for each in (settings, elsewhere))
    assert one.version == other.version


def test_another_seed_gives_other_draws(
    folder: StudyFolder, settings: Settings, trace_of: Callable[[StudyFolder, Settings], xr.DataTree]
) -> None:
    first = trace_of(folder, settings)
    second = trace_of(folder, settings.model_copy(update={"seed": 2}))
    assert not np.array_equal(first["posterior"]["beta"], second["posterior"]["beta"])


def test_a_fit_that_does_not_pass_is_kept_and_not_served(
    folder: StudyFolder, settings: Settings, store: TraceStore, reconciler_of: MakeReconciler
) -> None:
    folder.write()
    # 4 chains of 100 draws cannot have 400 effective ones in every tail.
    reconciler_of(settings.model_copy(update={"draws": 100})).reconcile()
    (kept,) = store.versions("small")
    assert not kept.verdict.passed
    # It was tried once more, with four times the tuning.
    assert kept.sampling.tune == 1200
    with pytest.raises(NothingPublished):
        store.current("small")
    status = store.status("small")
    assert status is not None
    assert status.phase == "failed"
    assert status.error is not None
    assert "ess_tail" in status.error


def test_a_fit_that_passes_at_once_is_not_repeated(
    folder: StudyFolder, settings: Settings, store: TraceStore, reconciler_of: MakeReconciler
) -> None:
    folder.write()
    reconciler_of(settings).reconcile()
    (kept,) = store.versions("small")
    assert kept.verdict.passed
    assert kept.sampling.tune == 300
    names = [check.name for check in kept.verdict.checks]
    assert names == [
        *("r_hat", "ess_bulk", "ess_tail", "mcse"),
        *("divergences", "e_bfmi", "finished_chains", "not_finite"),
    ]


def test_what_was_published_stays_when_a_later_fit_does_not_pass(
    folder: StudyFolder, settings: Settings, store: TraceStore, reconciler_of: MakeReconciler
) -> None:
    folder.write()
    reconciler_of(settings).reconcile()
    served = store.current("small")
    reconciler_of(settings.model_copy(update={"draws": 100})).reconcile()
    assert store.current("small") == served
    assert len(store.versions("small")) == 2


def test_old_versions_are_removed_after_a_publish(
    folder: StudyFolder, settings: Settings, store: TraceStore, reconciler_of: MakeReconciler
) -> None:
    few = settings.model_copy(update={"retention_versions": 1, "retention_days": 0})
    folder.write()
    for seed in (1, 2, 3):
        reconciler_of(few.model_copy(update={"seed": seed})).reconcile()
    current = store.current("small")
    assert {item.version for item in store.versions("small")} == {current.version, current.previous}


def test_the_narrowest_interval_is_that_of_arviz() -> None:
    values = np.random.default_rng(5).gamma(2.0, size=(3, 1000))
    ours = np.column_stack(narrowest_interval(values, 0.94))
    theirs = xr.DataArray(values, dims=("cell", "draw")).azstats.hdi(prob=0.94, dim="draw")
    np.testing.assert_allclose(ours, theirs.to_numpy())
