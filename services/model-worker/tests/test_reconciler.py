"""The store follows the studies: changed, broken, mended, rolled back, one beside the other."""

from collections.abc import Callable

import pytest
from small_study import StudyFolder, make_rows

from model_worker.service.reconciler import Reconciler
from model_worker.settings import Settings
from tracestore.manifest import Status
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

MakeReconciler = Callable[[Settings], Reconciler]


def status_of(store: TraceStore, study: str = "small") -> Status:
    status = store.status(study)
    assert status is not None
    return status


@pytest.fixture
def reconciler(settings: Settings, reconciler_of: MakeReconciler) -> Reconciler:
    return reconciler_of(settings)


@pytest.fixture
def published(folder: StudyFolder, reconciler: Reconciler, store: TraceStore) -> str:
    folder.write()
    reconciler.reconcile()
    assert status_of(store).phase == "published"
    return store.current("small").version


def test_every_study_has_a_status_before_any_is_read(
    folder: StudyFolder, reconciler: Reconciler, store: TraceStore
) -> None:
    folder.write()
    StudyFolder(folder.path.with_name("broken"), text="title = ").write()
    reconciler.announce()
    assert {name: status_of(store, name).phase for name in store.studies()} == {
        "small": "waiting",
        "broken": "waiting",
    }
    assert status_of(store).title == "A study"


def test_what_is_published_is_not_fitted_again(
    published: str, settings: Settings, store: TraceStore, reconciler_of: MakeReconciler
) -> None:
    before = store.manifest("small", published), store.current("small")
    reconciler_of(settings).reconcile()
    assert (store.manifest("small", published), store.current("small")) == before
    assert status_of(store).phase == "published"


def test_changed_data_are_fitted_and_served(
    published: str, folder: StudyFolder, reconciler: Reconciler, store: TraceStore
) -> None:
    folder.set_cell(5, "sales", "40")
    folder.write()
    reconciler.reconcile()
    current = store.current("small")
    assert current.version != published
    assert current.previous == published


def test_a_broken_study_is_told_and_what_was_published_stays(
    published: str, folder: StudyFolder, reconciler: Reconciler, store: TraceStore
) -> None:
    folder.set_cell(5, "sales", "forty")
    folder.write()
    reconciler.reconcile()
    status = status_of(store)
    assert status.phase == "invalid"
    assert [(fault.file, fault.line, fault.column) for fault in status.faults] == [
        ("small/data.csv", 5, "sales")
    ]
    assert store.current("small").version == published


def test_a_valid_edit_clears_the_faults(
    published: str, folder: StudyFolder, reconciler: Reconciler, store: TraceStore
) -> None:
    right = folder.rows[4]
    folder.set_cell(5, "sales", "forty")
    folder.write()
    reconciler.reconcile()
    folder.rows[4] = right
    folder.write()
    reconciler.reconcile()
    status = status_of(store)
    assert (status.phase, status.faults, status.error) == ("published", (), None)
    assert store.current("small").version == published


def test_a_broken_study_stops_no_other(
    folder: StudyFolder, reconciler: Reconciler, store: TraceStore
) -> None:
    folder.write()
    for name, text in (("aaa", "title = "), ("Not A Name", folder.text)):
        StudyFolder(folder.path.with_name(name), text=text).write()
    folder.path.with_name("empty").mkdir()
    reconciler.reconcile()
    assert status_of(store).phase == "published"
    assert status_of(store, "aaa").phase == "invalid"
    assert status_of(store, "empty").phase == "invalid"


def test_a_study_that_cannot_be_published_stops_no_other(
    folder: StudyFolder, settings: Settings, reconciler: Reconciler, store: TraceStore
) -> None:
    folder.write()
    StudyFolder(folder.path.with_name("aaa")).write()
    settings.traces_dir.mkdir()
    (settings.traces_dir / "aaa").write_text("a file where the study's directory should be")
    reconciler.reconcile()
    assert reconciler.outcomes["aaa"].phase == "failed"
    assert "expected a directory" in reconciler.outcomes["aaa"].error
    assert status_of(store).phase == "published"


def test_a_failed_fit_is_repeated_only_when_asked(
    folder: StudyFolder, settings: Settings, reconciler: Reconciler, store: TraceStore
) -> None:
    folder.write()
    settings.traces_dir.mkdir()
    obstacle = settings.traces_dir / "small"
    obstacle.write_text("")
    reconciler.reconcile()
    obstacle.unlink()
    reconciler.reconcile()
    assert store.versions("small") == ()
    reconciler.forget()
    reconciler.reconcile()
    assert len(store.versions("small")) == 1


def test_a_rolled_back_version_stays_rolled_back_until_the_input_changes(
    published: str, folder: StudyFolder, settings: Settings, reconciler: Reconciler,
    reconciler_of: MakeReconciler, store: TraceStore,
) -> None:  # fmt: skip
    folder.rows = make_rows(seed=2)
    folder.write()
    reconciler.reconcile()
    second = store.current("small").version
    Publisher(settings.traces_dir).rollback("small")
    reconciler.forget()
    reconciler.reconcile()
    reconciler_of(settings).reconcile()
    assert store.current("small").version == published
    folder.rows = make_rows(seed=3)
    folder.write()
    reconciler.reconcile()
    assert store.current("small").version not in (published, second)


def test_an_edit_that_is_taken_back_serves_the_first_version_again(
    published: str, folder: StudyFolder, reconciler: Reconciler, store: TraceStore
) -> None:
    first = folder.rows
    folder.rows = make_rows(seed=2)
    folder.write()
    reconciler.reconcile()
    assert store.current("small").version != published
    folder.rows = first
    folder.write()
    reconciler.reconcile()
    assert store.current("small").version == published
    assert len(store.versions("small")) == 2


def test_a_damaged_version_is_fitted_again(
    published: str, settings: Settings, store: TraceStore, reconciler_of: MakeReconciler
) -> None:
    trace = settings.traces_dir / "small" / published / "trace.nc"
    content = bytearray(trace.read_bytes())
    content[5000] ^= 1
    trace.write_bytes(content)
    reconciler_of(settings).reconcile()
    assert store.verified("small", store.current("small").version).manifest.version == published
