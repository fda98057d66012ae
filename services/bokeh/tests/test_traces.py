"""The process's view of the volume: switches to what is good, keeps what it has when the volume is not."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from synthetic import NOW, PERIODS, UNITS, make_card, publish, tell

from dashboard.traces import RETRY_SECONDS, Shelf, StudyNow, TraceCache
from dashboard.versions import LoadedVersion, load_version
from tracestore.errors import TraceCorrupt, VersionMissing
from tracestore.store import TraceStore


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def cache(root: Path) -> TraceCache:
    return TraceCache(TraceStore(root))


def only(shelf: Shelf) -> StudyNow:
    assert len(shelf.studies) == 1
    return shelf.studies[0]


def served(shelf: Shelf) -> LoadedVersion:
    current = only(shelf).current
    assert current is not None
    return current


def test_an_empty_volume_is_an_empty_shelf(cache: TraceCache) -> None:
    assert cache.poll() == Shelf()


def test_a_volume_that_is_not_there_is_an_empty_shelf_or_a_trouble(tmp_path: Path) -> None:
    assert TraceCache(TraceStore(tmp_path / "none")).poll().studies == ()


def test_a_status_alone_makes_a_study(root: Path, cache: TraceCache) -> None:
    tell(root, "sampling", draws_done=1, draws_total=2)
    now = only(cache.poll())
    assert (now.title, now.current) == ("The smoking study", None)
    assert now.status is not None
    assert now.status.phase == "sampling"


def test_a_published_version_is_loaded_and_kept_across_polls(root: Path, cache: TraceCache) -> None:
    version = publish(root).version
    first = served(cache.poll())
    assert first.name == version
    assert served(cache.poll()) is first


def test_a_new_version_replaces_the_current_one_and_the_old_stays_while_used(
    root: Path, cache: TraceCache
) -> None:
    publish(root, seed=1)
    old = served(cache.poll())
    new = publish(root, seed=2)
    assert served(cache.poll()).name == new.version
    assert cache.held("smoking", old.name) is old


def test_a_corrupt_new_version_leaves_the_old_one_and_says_so_once(
    root: Path, cache: TraceCache, caplog: pytest.LogCaptureFixture
) -> None:
    publish(root, seed=1)
    old = served(cache.poll())
    new = publish(root, seed=2)
    trace = root / "smoking" / new.version / "trace.nc"
    trace.chmod(0o644)
    content = bytearray(trace.read_bytes())
    content[len(content) // 2] ^= 1
    trace.write_bytes(content)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            now = only(cache.poll())
    assert now.current is old
    assert "cannot be read" in (now.trouble or "")
    assert len(caplog.records) == 1


def test_a_corrupt_version_is_taken_up_once_it_is_whole_again(
    root: Path, cache: TraceCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = publish(root).version
    trace = root / "smoking" / version / "trace.nc"
    content = trace.read_bytes()
    trace.chmod(0o644)
    trace.write_bytes(content[:-1])
    assert only(cache.poll()).current is None
    trace.write_bytes(content)
    assert only(cache.poll()).current is None, f"it is left alone for {RETRY_SECONDS} s"
    monkeypatch.setattr("dashboard.traces.RETRY_SECONDS", 0)
    now = only(cache.poll())
    assert now.current is not None
    assert now.trouble is None


def test_a_study_that_vanishes_from_under_a_pointer_keeps_being_served(root: Path, cache: TraceCache) -> None:
    version = publish(root).version
    loaded = served(cache.poll())
    (root / "smoking" / "current.json").unlink()
    shutil.rmtree(root / "smoking" / version)
    now = only(cache.poll())
    assert now.current is loaded
    assert "no longer names" in (now.trouble or "")


def test_a_garbled_pointer_and_status_keep_what_there_is(root: Path, cache: TraceCache) -> None:
    publish(root)
    tell(root, "published")
    before = only(cache.poll())
    (root / "smoking" / "current.json").write_text("{")
    (root / "smoking" / "status.json").write_text("[]")
    now = only(cache.poll())
    assert (now.current, now.status) == (before.current, before.status)
    assert now.trouble is not None


def test_an_older_version_can_be_fetched_by_name(root: Path, cache: TraceCache) -> None:
    old = publish(root, seed=1).version
    publish(root, seed=2)
    cache.poll()
    assert cache.held("smoking", old) is None
    assert cache.fetch("smoking", old).name == old
    assert cache.held("smoking", old) is not None


@pytest.mark.parametrize(
    ("study", "version"), [("smoking", "0" * 12), ("smoking", "../.."), ("../..", "0" * 12)]
)
def test_a_version_that_does_not_exist_is_missing(
    root: Path, cache: TraceCache, study: str, version: str
) -> None:
    publish(root)
    with pytest.raises(VersionMissing):
        cache.fetch(study, version)


def test_changes_are_announced_and_only_changes(root: Path, cache: TraceCache) -> None:
    heard: list[Shelf] = []
    cache.start(heard.append)
    cache.stop()
    tell(root, "reading")
    cache.poll()
    cache.poll()
    assert heard == [cache.shelf]


def test_what_sessions_share_cannot_be_written(root: Path, cache: TraceCache) -> None:
    publish(root)
    version = served(cache.poll())
    for array in (
        version.slope,
        version.series[0].outcome,
        version.series[0].period,
        version.series[0].lower,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_effect_on_a_unit_is_at_its_last_observed_period(root: Path, cache: TraceCache) -> None:
    publish(root)
    version = served(cache.poll())
    assert version.effect_on("AK", 1.0).period == PERIODS[-3]
    assert version.effect_on("CA", 1.0).period == PERIODS[-1]


def test_the_effect_on_all_sums_the_units_observed_in_the_last_period(root: Path, cache: TraceCache) -> None:
    publish(root)
    version = served(cache.poll())
    everyone = version.effect_on_all(1.0)
    assert (everyone.period, everyone.units) == (PERIODS[-1], 3)
    each = [version.effect_on(unit, 1.0).effect for unit in ("AL", "CA", "NY")]
    assert everyone.effect is not None
    assert everyone.effect.mean == pytest.approx(sum(effect.mean for effect in each if effect is not None))


def test_a_units_effect_is_by_its_own_slope_and_the_sum_by_each_units(root: Path, cache: TraceCache) -> None:
    publish(root, slope=-0.2)
    common = served(cache.poll())
    publish(root, slope=-0.2, seed=2, by_unit=True)
    version = served(cache.poll())
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


def test_an_undefined_effect_has_a_reason_that_names_units(root: Path, cache: TraceCache) -> None:
    publish(root)
    answer = served(cache.poll()).effect_on_all(-100.0)
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


def test_two_studies_are_followed_apart(root: Path, cache: TraceCache) -> None:
    publish(root)
    publish(root, make_card("another", "Another"))
    names = [now.name for now in cache.poll().studies]
    assert names == ["another", "smoking"]
    assert served(Shelf((cache.shelf.studies[0],))).manifest.created_at > NOW
