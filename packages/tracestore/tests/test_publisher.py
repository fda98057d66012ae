"""Effects and refusals of a publish, a rollback, a retirement and a status."""

import os
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tracestore.errors import NothingPublished, PublishFailed, TraceCorrupt, VersionMissing
from tracestore.manifest import (
    CURRENT_FILE,
    MANIFEST_FILE,
    STATUS_FILE,
    TRACE_FILE,
    Manifest,
    ManifestDraft,
    Status,
    utc_now,
)
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

STUDY = "cigarette-sales"

Publish = Callable[..., Manifest]
DraftMaker = Callable[..., ManifestDraft]


def status_of(study: str, title: str = "Cigarette sales") -> Status:
    now = utc_now()
    return Status(study=study, title=title, phase="sampling", started_at=now, updated_at=now)


def unexpected_write(directory: Path) -> None:
    raise AssertionError(f"asked to write {directory}")


def test_a_publish_is_served_and_remembers_what_was_served_before(
    store: TraceStore, publish: Publish
) -> None:
    first, second = publish(0).version, publish(1).version

    current = store.current(STUDY)

    assert (current.version, current.previous) == (second, first)


def test_a_version_that_did_not_pass_is_kept_and_not_served(store: TraceStore, publish: Publish) -> None:
    good, bad = publish(0).version, publish(1, passed=False).version

    assert store.current(STUDY).version == good
    assert store.verified(STUDY, bad).manifest.verdict.passed is False


def test_a_version_that_is_there_is_served_and_not_written_again(
    store: TraceStore, publisher: Publisher, publish: Publish, make_draft: DraftMaker
) -> None:
    first, second = publish(0), publish(1)
    before = (store.root / STUDY / first.version / TRACE_FILE).stat()

    again = publisher.publish(make_draft(0), unexpected_write)

    assert again == first
    assert store.current(STUDY).version == first.version
    assert store.current(STUDY).previous == second.version
    assert (store.root / STUDY / first.version / TRACE_FILE).stat() == before


def test_publishing_what_is_served_changes_nothing(
    store: TraceStore, publisher: Publisher, publish: Publish, make_draft: DraftMaker
) -> None:
    publish(0)
    publish(1)
    before = store.current(STUDY)

    publisher.publish(make_draft(1), unexpected_write)

    assert store.current(STUDY) == before


@pytest.mark.parametrize("damaged", [TRACE_FILE, MANIFEST_FILE])
def test_a_damaged_version_is_replaced(store: TraceStore, root: Path, publish: Publish, damaged: str) -> None:
    publish(0)
    version = publish(1).version
    before = store.current(STUDY)
    (root / STUDY / version / damaged).write_text("damaged")

    publish(1)

    assert store.verified(STUDY, version).trace.read_text().startswith("1\n")
    assert (store.current(STUDY).version, store.current(STUDY).previous) == (before.version, before.previous)
    assert not list((root / STUDY).glob(".tmp-*"))


def test_a_damaged_pointer_is_replaced_by_the_next_publish(
    store: TraceStore, root: Path, publish: Publish
) -> None:
    publish(0)
    (root / STUDY / CURRENT_FILE).write_text("{")

    version = publish(1).version

    assert store.current(STUDY).version == version


def test_files_are_readable_by_other_users_whatever_the_umask(
    root: Path, publish: Publish, publisher: Publisher
) -> None:
    umask = os.umask(0o077)
    try:
        publish(0)
        publisher.write_status(status_of(STUDY))
    finally:
        os.umask(umask)

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert {modes[path] for path in modes if path.is_dir()} == {0o755}
    assert {modes[path] for path in modes if path.is_file() and not path.name.startswith(".lock")} == {0o644}


def make_link(directory: Path) -> None:
    (directory / TRACE_FILE).symlink_to("/etc/hostname")


def make_subdirectory(directory: Path) -> None:
    (directory / TRACE_FILE).write_text("")
    (directory / "chains").mkdir()


def make_hidden_file(directory: Path) -> None:
    (directory / TRACE_FILE).write_text("")
    (directory / ".hidden").write_text("")


def make_manifest(directory: Path) -> None:
    (directory / TRACE_FILE).write_text("")
    (directory / MANIFEST_FILE).write_text("{}")


def make_nothing(directory: Path) -> None:
    assert directory.is_dir()


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (make_link, "symbolic link"),
        (make_subdirectory, "chains: expected a regular file; found a directory"),
        (make_hidden_file, ".hidden"),
        (make_manifest, "manifest.json cannot list itself"),
        (make_nothing, "expected trace.nc among the files"),
    ],
)
def test_what_is_no_version_is_refused_and_leaves_nothing(
    root: Path,
    publisher: Publisher,
    publish: Publish,
    make_draft: DraftMaker,
    write: Callable[[Path], None],
    told: str,
) -> None:
    publish(0)
    before = sorted((root / STUDY).iterdir())

    with pytest.raises(PublishFailed, match=told):
        publisher.publish(make_draft(1), write)

    assert sorted((root / STUDY).iterdir()) == before


def test_an_exception_of_the_writer_passes_through_and_leaves_nothing(
    root: Path, publisher: Publisher, make_draft: DraftMaker
) -> None:
    def write(directory: Path) -> None:
        (directory / TRACE_FILE).write_text("half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        publisher.publish(make_draft(0), write)

    assert [path.name for path in (root / STUDY).iterdir()] == [".lock-publish"]


def test_an_error_without_a_number_keeps_its_words(publisher: Publisher, make_draft: DraftMaker) -> None:
    def write(directory: Path) -> None:
        raise OSError("Can't synchronously write data")

    with pytest.raises(PublishFailed, match="Can't synchronously write data"):
        publisher.publish(make_draft(0), write)


def test_a_study_that_is_a_link_is_not_written_through(
    root: Path, publish: Publish, publisher: Publisher, tmp_path: Path
) -> None:
    root.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (root / STUDY).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PublishFailed, match="expected a directory; found a link or a file"):
        publish(0)
    with pytest.raises(PublishFailed, match="expected a directory; found a link or a file"):
        publisher.write_status(status_of(STUDY))

    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_rollback_serves_the_version_before_and_a_second_one_undoes_it(
    store: TraceStore, publisher: Publisher, publish: Publish
) -> None:
    first, second = publish(0).version, publish(1).version

    back = publisher.rollback(STUDY)
    assert (back.version, back.previous) == (first, second)
    assert store.current(STUDY) == back
    assert second in {manifest.version for manifest in store.versions(STUDY)}

    assert publisher.rollback(STUDY).version == second


def test_a_rollback_without_a_version_to_go_to_is_refused(
    store: TraceStore, root: Path, publisher: Publisher, publish: Publish
) -> None:
    for name in (STUDY, "../traces", ""):
        with pytest.raises(NothingPublished):
            publisher.rollback(name)
    first = publish(0).version
    with pytest.raises(VersionMissing, match=f"no version was served before {first}"):
        publisher.rollback(STUDY)
    second = publish(1).version
    (root / STUDY / first / TRACE_FILE).write_text("damaged")
    with pytest.raises(TraceCorrupt, match=first):
        publisher.rollback(STUDY)
    assert store.current(STUDY).version == second


def test_retention_keeps_the_newest_the_young_and_the_served(
    store: TraceStore, publisher: Publisher, publish: Publish
) -> None:
    # Drafts are made hours apart, in 2026; all are older than a second and younger than a century.
    versions = [publish(seed).version for seed in (4, 5, 0, 1, 2, 3)]
    publisher.rollback(STUDY)

    assert publisher.retain(STUDY, keep=1, ttl=timedelta(days=36_500)) == ()
    assert publisher.retain(STUDY, keep=1, ttl=timedelta(seconds=1)) == tuple(
        sorted([versions[0], versions[2], versions[3]])
    )

    assert {manifest.version for manifest in store.versions(STUDY)} == {versions[i] for i in (1, 4, 5)}
    assert not list((store.root / STUDY).glob(".tmp-*"))
    for manifest in store.versions(STUDY):
        store.verified(STUDY, manifest.version)


def test_retention_removes_unreadable_versions_by_the_age_of_their_directory(
    root: Path, publisher: Publisher, publish: Publish
) -> None:
    unreadable, served = publish(0, passed=False).version, publish(1).version
    (root / STUDY / unreadable / MANIFEST_FILE).write_text("{")

    assert publisher.retain(STUDY, keep=0, ttl=timedelta(hours=1)) == ()
    assert publisher.retain(STUDY, keep=0, ttl=timedelta(0)) == (unreadable,)
    assert (root / STUDY / served).is_dir()


def test_retention_removes_nothing_when_it_is_not_known_what_is_served(
    store: TraceStore, publisher: Publisher, publish: Publish
) -> None:
    for seed in range(3):
        publish(seed)
    (store.root / STUDY / CURRENT_FILE).write_text("{")

    with pytest.raises(TraceCorrupt, match=CURRENT_FILE):
        publisher.retain(STUDY, keep=0, ttl=timedelta(0))

    assert len(store.versions(STUDY)) == 3


def test_retention_of_what_is_no_study_removes_nothing(publisher: Publisher, publish: Publish) -> None:
    publish(0)
    assert publisher.retain("smoking-spending", keep=0, ttl=timedelta(0)) == ()
    assert publisher.retain("..", keep=0, ttl=timedelta(0)) == ()
    with pytest.raises(ValueError, match="found -1"):
        publisher.retain(STUDY, keep=-1, ttl=timedelta(0))


def test_a_status_is_replaced_and_read_back(store: TraceStore, publisher: Publisher) -> None:
    for title in ("one", "two"):
        publisher.write_status(status_of(STUDY, title))

    status = store.status(STUDY)
    assert status is not None
    assert status.title == "two"
    assert sorted(path.name for path in (store.root / STUDY).iterdir()) == [".lock-status", STATUS_FILE]


@pytest.mark.parametrize("name", ["../etc", "/etc", "", "My Study", "a" * 65])
def test_a_status_of_what_can_be_no_study_is_refused(root: Path, publisher: Publisher, name: str) -> None:
    with pytest.raises(PublishFailed, match="expected a study named with"):
        publisher.write_status(status_of(name))
    assert not root.exists()


def test_a_status_that_readers_would_refuse_is_not_written(store: TraceStore, publisher: Publisher) -> None:
    publisher.write_status(status_of(STUDY))

    with pytest.raises(PublishFailed, match="expected at most"):
        publisher.write_status(status_of(STUDY, "x" * 20_000_000))

    status = store.status(STUDY)
    assert status is not None
    assert status.title == "Cigarette sales"


def test_a_store_that_cannot_be_made_is_told_with_its_path(tmp_path: Path, make_draft: DraftMaker) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(PublishFailed, match=r"file.*(Not a directory|File exists)"):
        Publisher(tmp_path / "file" / "traces").publish(make_draft(0), unexpected_write)
