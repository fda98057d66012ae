"""Versions in memory: bounded in bytes whatever is published, and freed the moment nobody needs them."""

import gc
import hashlib
import json
import logging
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, override

import pytest
from synthetic import load_served, make_card, open_store, publish
from test_catalogue import damage

from conftest import eventually
from dashboard.catalogue import VersionCache, VersionUnavailable
from dashboard.catalogue.version_cache import LOADS_AT_ONCE, MEBIBYTE
from dashboard.versions import LoadedVersion
from tracestore.manifest import Manifest
from tracestore.store import TraceStore

STUDIES = 8


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def no_collection() -> Iterator[None]:
    """With many sessions open, garbage in cycles is not collected."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def publish_many(root: Path) -> list[tuple[str, str]]:
    """Publish a version of each of several studies; return the names of both."""
    names = [f"study-{place}" for place in range(STUDIES)]
    return [(name, publish(root, make_card(name)).version) for name in names]


def load(versions: VersionCache, study: str, version: str) -> LoadedVersion:
    return versions.request(study, version).result(30)


def measure_one(root: Path) -> float:
    """Return the megabytes of one version of `publish_many`."""
    _, versions = open_store(root)
    return load(versions, "study-0", publish(root, make_card("study-0")).version).nbytes / MEBIBYTE


def test_what_is_alive_never_passes_the_budget_whatever_is_visited(root: Path, no_collection: None) -> None:
    names, size = publish_many(root), measure_one(root)
    _, versions = open_store(root, memory_mb=3.5 * size)
    for study, version in [*names, *reversed(names)]:
        assert load(versions, study, version).manifest.study.name == study
        assert versions.used_bytes <= versions.memory_bytes
    assert len(versions) == 3


def test_the_version_that_was_looked_at_longest_ago_is_dropped_first(root: Path) -> None:
    names, size = publish_many(root), measure_one(root)
    _, versions = open_store(root, memory_mb=2.5 * size)
    for name in names[:2]:
        load(versions, *name)
    assert versions.held(*names[0]) is not None
    load(versions, *names[2])
    assert [versions.held(*name) is not None for name in names[:3]] == [True, False, True]


def test_what_pages_hold_stays_and_the_next_is_refused_until_there_is_room(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.catalogue.version_cache.RELIEF_SECONDS", 0)
    names, size = publish_many(root), measure_one(root)
    _, versions = open_store(root, memory_mb=2.5 * size)
    pages = [load(versions, *name) for name in names[:2]]
    with pytest.raises(VersionUnavailable, match="taken by the pages that are open") as caught:
        load(versions, *names[2])
    assert caught.value.is_passing
    assert str(versions.failure(*names[2])) == str(caught.value)
    assert [versions.held(*name) for name in names[:2]] == pages
    caught = None  # type: ignore[assignment]
    pages.clear()
    eventually(lambda: len(versions) == 0)
    assert load(versions, *names[2]) is versions.held(*names[2])
    assert versions.failure(*names[2]) is None


def test_a_version_that_alone_is_too_large_is_refused_from_its_manifest(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = publish_many(root)
    _, versions = open_store(root, memory_mb=1)
    # Its draws are not even looked for.
    (root / names[0][0] / names[0][1] / "trace.nc").unlink()
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            with pytest.raises(
                VersionUnavailable, match=r"need \d MB of memory.*VERSIONS_MEMORY_MB allows 1"
            ):
                load(versions, *names[0])
    assert len(caplog.records) == 1
    assert versions.used_bytes == 0


def test_slopes_by_unit_that_are_too_large_are_refused_before_they_are_read(root: Path) -> None:
    names = [publish(root, make_card("study-0")), publish(root, make_card("study-0"), seed=2, by_unit=True)]
    _, versions = open_store(root)
    small, large = (load(versions, "study-0", name.version).nbytes for name in names)
    _, versions = open_store(root, memory_mb=(small + large) / 2 / MEBIBYTE)
    load(versions, "study-0", names[0].version)
    with pytest.raises(VersionUnavailable, match="VERSIONS_MEMORY_MB"):
        load(versions, "study-0", names[1].version)


def test_a_damaged_file_is_refused_without_being_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = publish(root).version
    before = damage(root, version)
    _, versions = open_store(root)

    def refuse(*_: object) -> None:
        raise AssertionError("it was opened")

    with monkeypatch.context() as context:
        context.setattr("dashboard.catalogue.trace_file.h5py.File", refuse)
        with pytest.raises(VersionUnavailable, match="expected SHA-256") as caught:
            load(versions, "smoking", version)
    assert not caught.value.is_passing
    (root / "smoking" / version / "trace.nc").write_bytes(before)
    with pytest.raises(VersionUnavailable):
        load(versions, "smoking", version)
    monkeypatch.setattr("dashboard.catalogue.version_cache.RETRY_SECONDS", 0)
    assert load(versions, "smoking", version).name == version


@pytest.mark.parametrize(
    ("study", "version"), [("smoking", "0" * 12), ("smoking", "../.."), ("../..", "0" * 12)]
)
def test_a_version_that_does_not_exist_is_missing(root: Path, study: str, version: str) -> None:
    publish(root)
    _, versions = open_store(root)
    with pytest.raises(VersionUnavailable, match="there is no version"):
        load(versions, study, version)


class SlowStore(TraceStore):
    """A store whose manifests are read when the test says so."""

    begun: ClassVar[list[tuple[str, str]]] = []
    may_go_on: ClassVar[threading.Event] = threading.Event()

    @override
    def manifest(self, study: str, version: str) -> Manifest:
        self.begun.append((study, version))
        assert self.may_go_on.wait(30)
        return super().manifest(study, version)


def test_a_version_is_loaded_once_however_many_ask_and_few_at_a_time(root: Path) -> None:
    names = publish_many(root)
    store = SlowStore(root)
    versions = VersionCache(store, 256 * MEBIBYTE)
    futures = [versions.request(*name) for name in names for _ in range(5)]
    eventually(lambda: len(store.begun) == LOADS_AT_ONCE)
    assert not any(future.cancel() for future in futures), "others wait for it"
    store.may_go_on.set()
    assert len({id(future.result(30)) for future in futures}) == len(names)
    assert sorted(store.begun) == sorted(names)


def test_a_version_is_prepared_before_anybody_is_told_of_it(root: Path) -> None:
    version = publish(root).version
    _, versions = open_store(root)
    heard: list[str] = []

    def prepare(loaded: LoadedVersion) -> str:
        heard.append("prepared")
        return loaded.name

    versions.prepare_with(prepare)
    versions.listen(lambda: heard.append("told"))
    loaded = load(versions, "smoking", version)
    eventually(lambda: heard == ["prepared", "told"])
    assert versions.derive(loaded, prepare) == version
    assert heard == ["prepared", "told"], "once"


def test_a_version_whose_preparation_fails_is_served_all_the_same(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    version = publish(root).version
    _, versions = open_store(root)

    def prepare(_: LoadedVersion) -> str:
        raise ValueError("broken")

    versions.prepare_with(prepare)
    assert load(versions, "smoking", version).name == version
    assert "could not be prepared" in caplog.text


def test_many_who_ask_for_the_same_derived_thing_share_one(root: Path) -> None:
    name = publish(root).version
    _, versions = open_store(root)
    version = load(versions, "smoking", name)
    made: list[object] = []

    def make(_: LoadedVersion) -> object:
        made.append(object())
        return made[-1]

    with ThreadPoolExecutor(10) as threads:
        found = list(threads.map(lambda _: versions.derive(version, make), range(10)))
    assert {id(one) for one in found} == {id(made[0])}
    assert len(made) == 1


def test_a_version_and_what_is_derived_of_it_are_freed_without_a_collection(
    root: Path, no_collection: None
) -> None:
    names, size = publish_many(root), measure_one(root)
    _, versions = open_store(root, memory_mb=1.5 * size)
    version = load(versions, *names[0])
    for change in range(40):
        version.effect_on("CA", change)
        version.effect_on_all(change)
        version.measure(change)
        version.path_of("CA", change)
        version.beyond_elsewhere("CA", change)
    gone = weakref.ref(version)
    del version
    load(versions, *names[1])
    assert gone() is None


def test_a_failed_load_leaves_nothing_behind(root: Path, no_collection: None) -> None:
    manifest = publish(root)
    directory = root / "smoking" / manifest.version
    trace = directory / "trace.nc"
    trace.chmod(0o644)
    trace.write_bytes(b"no NetCDF")
    written = json.loads((directory / "manifest.json").read_text())
    digest = hashlib.sha256(b"no NetCDF").hexdigest()
    written["files"]["trace.nc"] = {"sha256": digest, "size": 9}
    (directory / "manifest.json").chmod(0o644)
    (directory / "manifest.json").write_text(json.dumps(written))
    _, versions = open_store(root)
    with pytest.raises(VersionUnavailable, match="cannot be read as NetCDF"):
        load(versions, "smoking", manifest.version)
    assert versions.used_bytes == 0


def test_a_visit_to_every_study_leaves_the_others_of_the_budget(root: Path) -> None:
    names, size = publish_many(root), measure_one(root)
    catalogue, versions = open_store(root, memory_mb=len(names) * size)
    catalogue.poll()
    load_served(catalogue, versions)
    assert all(versions.held(*name) is not None for name in names)
