"""Stamps differ as soon as a record does, so that a reader opens only what has changed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tracestore.errors import TraceCorrupt
from tracestore.manifest import CURRENT_FILE, STATUS_FILE, WITHDRAWN_FILE, Manifest, Status, utc_now
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

STUDY = "cigarette-sales"

Publish = Callable[..., Manifest]


def tell(publisher: Publisher, title: str) -> None:
    now = utc_now()
    publisher.write_status(Status(study=STUDY, title=title, phase="waiting", started_at=now, updated_at=now))


def test_a_stamp_differs_after_each_change_of_a_study_and_only_then(
    store: TraceStore, publisher: Publisher, publish: Publish
) -> None:
    publish(0, study="smoking-spending")
    publish(0)
    changes: list[Callable[[], object]] = [
        lambda: publish(1),
        lambda: publisher.rollback(STUDY),
        lambda: tell(publisher, "one"),
        lambda: tell(publisher, "two"),
        lambda: publisher.withdraw(STUDY, "folder"),
        lambda: publisher.withdraw(STUDY, "command"),
        lambda: publisher.restore(STUDY),
    ]
    for change in changes:
        before = store.stamps()
        assert store.stamps() == before
        change()
        after = store.stamps()
        assert after[STUDY] != before[STUDY]
        assert after["smoking-spending"] == before["smoking-spending"]


@pytest.mark.parametrize("name", [CURRENT_FILE, STATUS_FILE, WITHDRAWN_FILE])
def test_damage_in_place_changes_the_stamp_even_if_size_and_time_are_as_before(
    store: TraceStore, publisher: Publisher, publish: Publish, name: str
) -> None:
    publish(0)
    tell(publisher, "one")
    publisher.withdraw(STUDY, "folder")
    path = store.root / STUDY / name
    before, status = store.stamps(), path.stat()

    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert len(path.read_bytes()) == len(content)
    assert store.stamps()[STUDY] != before[STUDY]


def test_only_directories_of_studies_have_stamps(store: TraceStore, root: Path, publish: Publish) -> None:
    assert store.stamps() == {}
    publish(0)
    (root / "lost+found").mkdir()
    (root / "notes").write_text("")
    (root / "linked").symlink_to(root / STUDY)
    (root / "empty").mkdir()

    stamps = store.stamps()

    assert list(stamps) == ["cigarette-sales", "empty"]
    assert stamps["empty"] == (None, None, None)
    assert stamps[STUDY].current is not None
    assert stamps[STUDY].status is None


def test_a_store_that_is_no_directory_is_told(store: TraceStore, root: Path) -> None:
    root.write_text("")
    with pytest.raises(TraceCorrupt, match="Not a directory"):
        store.stamps()


def test_stamps_open_no_file(store: TraceStore, publish: Publish, root: Path) -> None:
    publish(0)
    path = root / STUDY / CURRENT_FILE
    before = path.stat()
    os.utime(path, ns=(0, before.st_mtime_ns))

    store.stamps()

    assert path.stat().st_atime_ns == 0
