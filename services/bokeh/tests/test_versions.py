"""A loaded version: its answers, the files it refuses, and the bytes it counts for."""

import tracemalloc
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import xarray as xr
from synthetic import PERIODS, UNITS, make_card, publish

from dashboard.catalogue import Entry
from dashboard.catalogue.trace_file import load_version
from dashboard.state import ViewState
from dashboard.unit_effects import CELLS_MAX, order_slopes, thin_draws
from dashboard.versions import (
    EFFECT_BYTES,
    EFFECTS_KEPT,
    MEASURE_BYTES,
    MEASURES_KEPT,
    LoadedVersion,
    Remembered,
    count_bytes,
)
from dashboard.words import say_dashboard
from tracestore.errors import TraceCorrupt
from tracestore.store import TraceStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def load(root: Path, **options: Any) -> LoadedVersion:
    manifest = publish(root, **options)
    return load_version(manifest, root / "smoking" / manifest.version / "trace.nc")


@pytest.mark.parametrize(
    ("together", "share", "heading"),
    [("sum", 3, "Saving in all states together, 2009"), ("mean", 1, "Mean saving over all states, 2009")],
)
def test_all_units_make_one_figure_as_the_study_card_says(
    tmp_path: Path, together: str, share: int, heading: str
) -> None:
    card = make_card().model_copy(update={"together": together})
    name = publish(tmp_path, card).version
    verified = TraceStore(tmp_path).verified(card.name, name)
    version = load_version(verified.manifest, verified.trace)
    answer = version.effect_on_all(10)
    # Alaska is not observed in the last period, so that three of the four units count.
    single = [version.effect_on(unit, 10).effect for unit in ("AL", "CA", "NY")]
    mean = sum(effect.mean for effect in single if effect is not None) / 3
    assert answer.units == 3
    assert answer.effect is not None
    assert answer.effect.mean == pytest.approx(share * mean)
    state = ViewState(study=card.name, version=name, unit="CA", change=10)
    words = say_dashboard(state, version, Entry(card.name), ())
    assert words["effect-all-heading"] == heading


def test_variables_of_another_size_than_the_manifest_says_are_refused_unread(tmp_path: Path) -> None:
    card = make_card()
    verified = TraceStore(tmp_path).verified(card.name, publish(tmp_path, card).version)
    sampling = verified.manifest.sampling.model_copy(update={"draws": 499})
    manifest = verified.manifest.model_copy(update={"sampling": sampling})
    with pytest.raises(TraceCorrupt, match="posterior/beta has 500 along draw, the manifest 499"):
        load_version(manifest, verified.trace)


@pytest.mark.parametrize("seed", range(12))
def test_damaged_bytes_that_carry_the_right_hash_are_corrupt_and_never_another_error(
    tmp_path: Path, seed: int
) -> None:
    card = make_card()
    verified = TraceStore(tmp_path).verified(card.name, publish(tmp_path, card, by_unit=True).version)
    rng, content = Random(seed), bytearray(verified.trace.read_bytes())
    # The beginning is where HDF5 keeps what refers to the rest.
    for _ in range(10):
        content[rng.randrange(8192)] = rng.randrange(256)
    verified.trace.write_bytes(content)
    with suppress(TraceCorrupt):
        load_version(verified.manifest, verified.trace)


def test_what_sessions_share_cannot_be_written(root: Path) -> None:
    version = load(root)
    for array in (
        version.slope,
        version.series[0].outcome,
        version.series[0].period,
        version.series[0].lower,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_effect_on_a_unit_is_at_its_last_observed_period(root: Path) -> None:
    version = load(root)
    assert version.effect_on("AK", 1.0).period == PERIODS[-3]
    assert version.effect_on("CA", 1.0).period == PERIODS[-1]


def test_the_effect_on_all_sums_the_units_observed_in_the_last_period(root: Path) -> None:
    version = load(root)
    everyone = version.effect_on_all(1.0)
    assert (everyone.period, everyone.units) == (PERIODS[-1], 3)
    each = [version.effect_on(unit, 1.0).effect for unit in ("AL", "CA", "NY")]
    assert everyone.effect is not None
    assert everyone.effect.mean == pytest.approx(sum(effect.mean for effect in each if effect is not None))


def test_a_units_effect_is_by_its_own_slope_and_the_sum_by_each_units(root: Path) -> None:
    common = load(root, slope=-0.2)
    version = load(root, slope=-0.2, seed=2, by_unit=True)
    # The unit at place 2 has a slope of about 1.8: a rise by 1 % raises its outcome by about 1.8 %.
    series = version.series_of("CA")
    effect = version.effect_on("CA", 1.0).effect
    assert effect is not None
    assert effect.mean == pytest.approx(-series.outcome[-1] * (1.01**1.8 - 1), rel=0.01)
    each = [version.effect_on(unit, 1.0).effect for unit in ("AL", "CA", "NY")]
    everyone = version.effect_on_all(1.0).effect
    assert everyone is not None
    assert everyone.mean == pytest.approx(sum(effect.mean for effect in each if effect is not None))
    shared = common.effect_on_all(1.0).effect
    assert shared is not None
    assert np.sign(shared.mean) != np.sign(everyone.mean)


def test_an_undefined_effect_has_a_reason_that_names_units(root: Path) -> None:
    answer = load(root).effect_on_all(-100.0)
    assert answer.effect is None
    assert "Alabama, California, New York" in (answer.reason or "")


def test_a_trace_that_is_not_the_contracts_names_every_fault(root: Path, tmp_path: Path) -> None:
    manifest = publish(root)
    trace = tmp_path / "bad.nc"
    xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"beta_unit": (("chain", "draw"), np.zeros((1, 2)))}),
            "panel": xr.Dataset({"outcome": (("unit", "period"), np.zeros((len(UNITS) + 1, len(PERIODS))))}),
            "band": xr.Dataset({name: ("unit", np.zeros(1)) for name in ("mean", "lower", "upper")}),
        }
    ).to_netcdf(trace, engine="h5netcdf")
    with pytest.raises(TraceCorrupt) as caught:
        load_version(manifest, trace)
    for part in (
        "posterior/beta is",
        "beta_unit has dims",
        "panel/outcome has 5",
        "panel/treatment",
        "band/mean",
        "band/upper",
    ):
        assert part in str(caught.value)


def test_a_file_that_is_no_netcdf_is_corrupt(root: Path, tmp_path: Path) -> None:
    (tmp_path / "no.nc").write_text("no")
    with pytest.raises(TraceCorrupt, match="NetCDF"):
        load_version(publish(root), tmp_path / "no.nc")


def test_dims_in_another_order_are_refused(root: Path, tmp_path: Path) -> None:
    manifest = publish(root)
    trace = tmp_path / "turned.nc"
    tree = xr.open_datatree(root / "smoking" / manifest.version / "trace.nc", engine="h5netcdf")
    turned = {name: group.to_dataset().transpose(...) for name, group in tree.children.items()}
    turned["panel"] = turned["panel"].transpose("period", "unit")
    xr.DataTree.from_dict(turned).to_netcdf(trace, engine="h5netcdf")
    with pytest.raises(TraceCorrupt, match="panel/outcome has dims"):
        load_version(manifest, trace)


def test_what_is_read_is_what_was_written(root: Path) -> None:
    version = load(root, by_unit=True)
    with xr.open_dataset(version.trace, group="posterior", engine="h5netcdf") as posterior:
        written = posterior["beta_unit"].to_numpy()
    assert np.array_equal(version.slope, written.reshape(-1, len(UNITS)))
    with xr.open_dataset(version.trace, group="band", engine="h5netcdf") as band:
        assert np.array_equal(version.series_of("CA").lower, band["lower"].to_numpy()[2], equal_nan=True)


def test_a_version_counts_for_more_than_its_arrays_take(root: Path) -> None:
    version = load(root, by_unit=True)
    held = list(vars(version).values())
    held += [one for value in held if isinstance(value, dict) for one in value.values()]
    arrays = [value for value in held if isinstance(value, np.ndarray)]
    assert sum(array.nbytes for array in arrays) < version.nbytes
    assert version.nbytes == count_bytes(1000, len(UNITS), len(UNITS), len(PERIODS))


def test_the_results_used_last_are_remembered() -> None:
    computed: list[int] = []
    remembered = Remembered(3)

    def compute(number: int) -> int:
        computed.append(number)
        return number

    asked = (1, 2, 3, 1, 4, 1, 3, 2)
    assert [remembered.find(number, lambda number=number: compute(number)) for number in asked] == list(asked)
    assert computed == [1, 2, 3, 4, 2]


def test_a_version_remembers_no_more_than_it_counts_for(root: Path) -> None:
    version = load(root, by_unit=True)
    version.effect_on("CA", 1)
    tracemalloc.start()
    try:
        for change in range(10 * EFFECTS_KEPT):
            effect = version.effect_on("CA", change).effect
            assert effect is not None
            assert effect.curve is not None
            assert version.measure(change).told
            version.path_of("CA", change)
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    effects = EFFECTS_KEPT * (9 * 1000 + EFFECT_BYTES)
    assert grown < effects + MEASURES_KEPT * MEASURE_BYTES * len(UNITS)


@pytest.mark.parametrize(("draws", "units"), [(4000, 5000), (4000, 51), (1001, 1000), (5, 400_000)])
def test_slopes_of_a_wide_panel_are_thinned_evenly(draws: int, units: int) -> None:
    columns = min(units, 130)
    slope = np.random.default_rng(1).normal(size=(draws, columns))
    every = thin_draws(draws, units)
    ordered = order_slopes(slope, units)
    assert np.array_equal(ordered, np.sort(slope, axis=0)[::every])
    assert (len(ordered) - 1) * units <= CELLS_MAX
