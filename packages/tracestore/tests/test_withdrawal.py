"""A withdrawn study keeps all it has until it is restored or, after some time, removed whole."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from tracestore.errors import NothingPublished, PublishFailed, TraceCorrupt
from tracestore.lock import Occupied, hold
from tracestore.manifest import WITHDRAWN_FILE, Manifest, Withdrawal, utc_now
from tracestore.publisher import PUBLISH_LOCK, Publisher
from tracestore.records import record_bytes
from tracestore.store import TraceStore

STUDY = "cigarette-sales"

Publish = Callable[..., Manifest]


def test_a_withdrawn_study_is_listed_and_served_still(
    store: TraceStore, publisher: Publisher, publish: Publish
) -> None:
    version = publish(0).version
    before = utc_now()

    publisher.withdraw(STUDY, "folder")

    withdrawal = store.withdrawal(STUDY)
    assert withdrawal is not None
    assert (withdrawal.study, withdrawal.reason) == (STUDY, "folder")
    assert before <= withdrawal.withdrawn_at <= utc_now()
    assert store.studies() == (STUDY,)
    assert store.current(STUDY).version == version
    assert {path.name for path in (store.root / STUDY).iterdir()} == {
        version,
        "current.json",
        PUBLISH_LOCK,
        WITHDRAWN_FILE,
    }


def test_a_restored_study_is_not_withdrawn(store: TraceStore, publisher: Publisher, publish: Publish) -> None:
    publish(0)
    publisher.withdraw(STUDY, "command")

    for _ in range(2):
        publisher.restore(STUDY)
        assert store.withdrawal(STUDY) is None


def test_a_study_withdrawn_by_hand_stays_so_when_its_folder_goes(
    store: TraceStore, publisher: Publisher, publish: Publish
) -> None:
    publish(0)
    publisher.withdraw(STUDY, "folder")
    first = store.withdrawal(STUDY)
    publisher.withdraw(STUDY, "command")
    publisher.withdraw(STUDY, "folder")

    second = store.withdrawal(STUDY)
    assert first is not None
    assert second is not None
    assert (second.reason, second.withdrawn_at) == ("command", first.withdrawn_at)


def test_what_is_no_study_is_neither_withdrawn_nor_restored_nor_removed(
    root: Path, store: TraceStore, publisher: Publisher, publish: Publish
) -> None:
    publish(0)
    for name in ("smoking-spending", "..", f"{STUDY}/..", ""):
        with pytest.raises(NothingPublished, match="there is no study"):
            publisher.withdraw(name, "command")
        with pytest.raises(NothingPublished, match="there is no study"):
            publisher.restore(name)
        assert store.withdrawal(name) is None
        assert publisher.remove_withdrawn(name, timedelta(0)) is False
    assert [path.name for path in root.iterdir()] == [STUDY]


def test_a_study_is_removed_whole_once_it_was_withdrawn_for_long_enough(
    root: Path, store: TraceStore, publisher: Publisher, publish: Publish
) -> None:
    publish(0)
    publish(1, study="smoking-spending")
    assert publisher.remove_withdrawn(STUDY, timedelta(0)) is False

    publisher.withdraw(STUDY, "folder")
    assert publisher.remove_withdrawn(STUDY, timedelta(hours=1)) is False
    assert publisher.remove_withdrawn(STUDY, timedelta(0)) is True

    assert [path.name for path in root.iterdir()] == ["smoking-spending"]
    assert publisher.remove_withdrawn(STUDY, timedelta(0)) is False
    publish(0)
    assert store.withdrawal(STUDY) is None


def test_a_removal_that_was_not_finished_is_finished_at_the_next_start(
    root: Path, store: TraceStore, publisher: Publisher, publish: Publish
) -> None:
    publish(0)
    (root / STUDY).rename(root / f".tmp-removed-{STUDY}-00000000")
    assert store.studies() == ()
    assert store.stamps() == {}

    assert [path.name for path in publisher.clean_leftovers()] == [f".tmp-removed-{STUDY}-00000000"]
    assert list(root.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "Invalid JSON"),
        (
            record_bytes(Withdrawal(study="smoking-spending", withdrawn_at=utc_now(), reason="folder")),
            f"expected the withdrawal of {STUDY}; found that of 'smoking-spending'",
        ),
    ],
)
def test_a_damaged_withdrawal_is_told_and_removes_nothing_until_it_is_written_anew(
    root: Path, store: TraceStore, publisher: Publisher, publish: Publish, content: bytes, why: str
) -> None:
    publish(0)
    (root / STUDY / WITHDRAWN_FILE).write_bytes(content)

    with pytest.raises(TraceCorrupt, match=why):
        store.withdrawal(STUDY)
    with pytest.raises(TraceCorrupt, match=why):
        publisher.remove_withdrawn(STUDY, timedelta(0))
    assert store.studies() == (STUDY,)

    publisher.withdraw(STUDY, "command")
    withdrawal = store.withdrawal(STUDY)
    assert withdrawal is not None
    assert withdrawal.study == STUDY
    (root / STUDY / WITHDRAWN_FILE).write_bytes(content)
    publisher.restore(STUDY)
    assert store.withdrawal(STUDY) is None


def test_a_study_that_somebody_publishes_is_not_removed_meanwhile(
    root: Path, store: TraceStore, publish: Publish
) -> None:
    publish(0)
    impatient = Publisher(root, patience=timedelta(0))
    impatient.withdraw(STUDY, "folder")

    with hold(root / STUDY / PUBLISH_LOCK, timedelta(0)):
        with pytest.raises(PublishFailed, match=r"removing .*another publisher has held the study"):
            impatient.remove_withdrawn(STUDY, timedelta(0))
        with pytest.raises(PublishFailed, match=r"restoring .*another publisher has held the study"):
            impatient.restore(STUDY)

    assert store.withdrawal(STUDY) is not None


def test_who_waited_for_a_study_that_was_removed_locks_the_one_that_came_after(
    root: Path, publish: Publish
) -> None:
    publish(0)
    lock = root / STUDY / PUBLISH_LOCK
    removed = root / ".tmp-removed"

    def wait() -> bool:
        with hold(lock, timedelta(seconds=30)):
            return _is_locked(lock)

    with ThreadPoolExecutor(1) as pool:
        with hold(lock, timedelta(0)):
            waiting = pool.submit(wait)
            while not _is_open_twice(lock):
                assert not waiting.done()
            (root / STUDY).rename(removed)
            publish(0)
        assert waiting.result(timeout=30)


def _is_locked(lock: Path) -> bool:
    try:
        with hold(lock, timedelta(0)):
            return False
    except Occupied:
        return True


def _is_open_twice(lock: Path) -> bool:
    return sum(os.path.realpath(link) == str(lock) for link in Path("/proc/self/fd").iterdir()) >= 2
