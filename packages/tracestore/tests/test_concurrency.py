"""Publishers of one study wait for each other and leave each other's work alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tracestore.errors import PublishFailed
from tracestore.leftovers import STATUS_PREFIX
from tracestore.lock import hold
from tracestore.manifest import TRACE_FILE, Manifest, ManifestDraft, Status, utc_now
from tracestore.publisher import STATUS_LOCK, Publisher
from tracestore.store import TraceStore

STUDY = "cigarette-sales"

Publish = Callable[..., Manifest]
DraftMaker = Callable[..., ManifestDraft]


@contextmanager
def publishing(root: Path, draft: ManifestDraft) -> Iterator[None]:
    """Be in the midst of a publish for the time of the block.

    A lock of another open file of this process is one of another process to the kernel.
    """
    written, finish = threading.Event(), threading.Event()

    def write(directory: Path) -> None:
        (directory / TRACE_FILE).write_text("slow")
        written.set()
        assert finish.wait(30)

    thread = threading.Thread(target=lambda: Publisher(root).publish(draft, write))
    thread.start()
    try:
        assert written.wait(30)
        yield
    finally:
        finish.set()
        thread.join()


def test_leftovers_are_not_those_of_a_publisher_at_work(
    root: Path, store: TraceStore, make_draft: DraftMaker
) -> None:
    with publishing(root, make_draft(0)):
        assert Publisher(root).clean_leftovers() == ()
        assert len(list((root / STUDY).glob(".tmp-*"))) == 1

    assert store.verified(STUDY, store.current(STUDY).version).trace.read_text() == "slow"


def test_leftovers_of_the_dead_are_cleared_from_all_studies_and_named(
    root: Path, publisher: Publisher, publish: Publish
) -> None:
    left = []
    for study in (STUDY, "smoking-spending"):
        publish(0, study=study)
        directory = root / study / ".tmp-0123456789ab-00000000"
        directory.mkdir()
        (directory / TRACE_FILE).write_text("half")
        pointer = root / study / ".tmp-current-00000000"
        pointer.write_text("{")
        status = root / study / f"{STATUS_PREFIX}00000000"
        status.write_text("{")
        left += [directory, pointer, status]

    assert set(publisher.clean_leftovers()) == set(left)

    assert not list(root.rglob(".tmp-*"))
    assert publisher.clean_leftovers() == ()


def test_a_status_being_written_is_no_leftover(root: Path, publisher: Publisher, publish: Publish) -> None:
    publish(0)
    status = root / STUDY / f"{STATUS_PREFIX}00000000"
    status.write_text("{")

    with hold(root / STUDY / STATUS_LOCK, timedelta(0)):
        assert publisher.clean_leftovers() == ()

    assert publisher.clean_leftovers() == (status,)


def test_a_second_publisher_is_refused_when_its_patience_ends(root: Path, make_draft: DraftMaker) -> None:
    hasty = Publisher(root, patience=timedelta(0))
    with publishing(root, make_draft(0)):
        for act in (
            lambda: hasty.publish(make_draft(1), lambda _: None),
            lambda: hasty.retain(STUDY, keep=0, ttl=timedelta(0)),
        ):
            with pytest.raises(PublishFailed, match="another publisher has held the study"):
                act()


def test_a_second_publisher_waits_for_the_first(
    root: Path, store: TraceStore, publish: Publish, make_draft: DraftMaker
) -> None:
    with publishing(root, make_draft(0)):
        waiting = threading.Thread(target=lambda: publish(1))
        waiting.start()
        assert store.versions(STUDY) == ()
    waiting.join()

    assert [manifest.identity.seed for manifest in store.versions(STUDY)] == [1, 0]
    assert store.current(STUDY).previous == make_draft(0).identity.version()


def test_a_publisher_of_another_study_does_not_wait(
    root: Path, store: TraceStore, make_draft: DraftMaker, publish: Publish
) -> None:
    with publishing(root, make_draft(0)):
        publish(0, study="smoking-spending")
        assert store.current("smoking-spending").version == make_draft(0).identity.version()


def test_a_status_can_be_written_while_a_version_is_published(
    root: Path, store: TraceStore, publisher: Publisher, make_draft: DraftMaker
) -> None:
    now = utc_now()
    with publishing(root, make_draft(0)):
        publisher.write_status(
            Status(study=STUDY, title="", phase="publishing", started_at=now, updated_at=now)
        )
        status = store.status(STUDY)
    assert status is not None
    assert status.phase == "publishing"
