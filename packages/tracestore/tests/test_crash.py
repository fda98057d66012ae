"""A publisher that dies, or whose disk refuses, at any system call leaves the old version or the new."""

import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tracestore.errors import NothingPublished
from tracestore.manifest import CURRENT_FILE, ManifestDraft
from tracestore.publisher import PUBLISH_LOCK, Publisher
from tracestore.records import is_version_name
from tracestore.store import TraceStore

from .laboratory import EXIT_REFUSED, STUDY, Call, Laboratory, calls_of, polling, read_served

# Tried also with every later call of the kind refused; the child needs the others to tell its error.
LASTING = {"fsync", "rename", "mkdir", "fchmod", "flock"}

CREATING = ("ENOSPC", "EROFS", "EIO")
REFUSALS = {
    "mkdir": CREATING,
    "rename": CREATING,
    "write": ("ENOSPC", "EIO"),
    "fsync": ("ENOSPC", "EIO"),
    "chmod": ("EROFS", "EIO"),
    "fchmod": ("EROFS", "EIO"),
    "read": ("EIO",),
    "getdents64": ("EIO",),
}
REASONS = {
    "ENOSPC": "No space left on device",
    "EROFS": "Read-only file system",
    "EIO": "Input/output error",
}


@pytest.fixture
def laboratory(root: Path, tmp_path: Path, make_draft: Callable[[], ManifestDraft]) -> Iterator[Laboratory]:
    laboratory = Laboratory(root, tmp_path, *(read_served(root) or (make_draft(), None)))
    laboratory.publish(laboratory.next_draft())
    yield laboratory
    laboratory.close()


def refusals_of(call: Call) -> tuple[str, ...]:
    """Name the errors that a disk may answer a call with, and that have to be told."""
    if call.kind == "openat":
        return CREATING if "O_CREAT" in call.line else ("EIO",)
    # Giving a lock back comes after all is done, and the kernel takes it with the process.
    if call.kind == "flock":
        return () if "LOCK_UN" in call.line else ("EIO",)
    return REFUSALS.get(call.family, ())


def test_a_publisher_killed_at_any_system_call_leaves_the_old_version_or_the_new_one(
    laboratory: Laboratory,
) -> None:
    counting = laboratory.act_traced("publish", laboratory.next_draft())
    assert counting.exit_code == 0
    planned = calls_of(counting.trace)
    assert {"openat", "mkdir", "write", "fsync", "fchmod", "rename", "flock", "close"} <= {
        call.family for call in planned
    }

    assert len(planned) > 60, planned

    fired = 0
    ends: Counter[str] = Counter()
    with polling(laboratory.root) as seen:
        for call in planned:
            old, names = laboratory.served_seed(), laboratory.names()
            draft = laboratory.next_draft()
            new, version = draft.identity.seed, draft.identity.version()

            outcome = laboratory.act_traced(
                "publish", draft, "-e", f"inject={call.kind}:signal=SIGKILL:when={call.nth}"
            )

            assert outcome.exit_code == -signal.SIGKILL, f"not killed at {call}"
            fired += 1
            after_crash = laboratory.served_seed()
            assert after_crash in (old, new), call

            Publisher(laboratory.root).clean_leftovers()
            recovered = laboratory.served_seed()
            assert recovered in (after_crash, new), call
            # A version with its name and without its pointer would never be served.
            assert laboratory.names() == names | ({version} if recovered == new else set()), call
            ends["new" if after_crash == new else "finished" if recovered == new else "old"] += 1

            laboratory.publish(draft)
            assert laboratory.served_seed() == new
            assert laboratory.names() == names | {version}, call

    print(f"killed at {fired} of {len(planned)} system calls: {dict(ends)}; {seen.reads} reads meanwhile")
    assert fired == len(planned)
    assert set(ends) == {"old", "finished", "new"}
    assert seen.errors == ()
    assert list(seen.seeds) == sorted(seen.seeds)
    assert seen.reads >= fired


def test_a_first_publish_killed_at_any_system_call_is_published_or_not(laboratory: Laboratory) -> None:
    planned = calls_of(laboratory.act_traced("publish", laboratory.next_study()).trace)

    fired = 0
    for call in planned:
        draft = laboratory.next_study()
        study, version = draft.study.name, draft.identity.version()

        outcome = laboratory.act_traced(
            "publish", draft, "-e", f"inject={call.kind}:signal=SIGKILL:when={call.nth}"
        )

        assert outcome.exit_code == -signal.SIGKILL, f"not killed at {call}"
        fired += 1
        try:
            served = laboratory.store.current(study).version
        except NothingPublished:
            served = None
        assert served in (None, version), call

        Publisher(laboratory.root).clean_leftovers()
        laboratory.publish(draft)

        laboratory.store.verified(study, version)
        assert laboratory.store.current(study).version == version
        assert laboratory.names(study) == {version, CURRENT_FILE, PUBLISH_LOCK}, call
        assert (laboratory.root / study).stat().st_mode & 0o755 == 0o755, call

    assert fired == len(planned)


def test_an_error_at_any_system_call_is_told_and_what_was_served_is_served_still(
    laboratory: Laboratory,
) -> None:
    counting = laboratory.act_traced("publish", laboratory.next_draft())
    calls = calls_of(counting.trace)
    planned = [
        (call, refusal, lasting)
        for call in calls
        for refusal in refusals_of(call)
        for lasting in (("", "+") if call.family in LASTING else ("",))
    ]
    last_rename = max(index for index, call in enumerate(calls) if call.family == "rename")
    assert {call.family for call, _, _ in planned} >= {
        "openat",
        "mkdir",
        "write",
        "fsync",
        "fchmod",
        "rename",
    }

    fired = 0
    ends: Counter[str] = Counter()
    with polling(laboratory.root) as seen:
        for call, refusal, lasting in planned:
            old, names = laboratory.served_seed(), laboratory.names()
            draft = laboratory.next_draft()
            new, version = draft.identity.seed, draft.identity.version()

            outcome = laboratory.act_traced(
                "publish", draft, "-e", f"inject={call.kind}:error={refusal}:when={call.nth}{lasting}"
            )

            injected = outcome.trace.count("(INJECTED)")
            assert injected >= 1 if lasting else injected == 1, f"no {refusal} at {call}"
            fired += 1
            assert outcome.exit_code == EXIT_REFUSED, f"{refusal} at {call}"
            assert REASONS[refusal] in outcome.error
            assert str(laboratory.root) in outcome.error
            assert laboratory.served_seed() == old, f"{refusal} at {call}"
            if not lasting and calls.index(call) <= last_rename:
                assert laboratory.names() == names, f"{refusal} at {call}"
            Publisher(laboratory.root).clean_leftovers()
            # Where readers may have followed the new pointer before it was put back, or the name
            # could not be taken back, the publish is finished instead.
            finished = laboratory.served_seed() == new
            assert laboratory.names() == names | ({version} if finished else set()), f"{refusal} at {call}"
            ends["finished" if finished else "old"] += 1

            laboratory.publish(draft)
            assert laboratory.served_seed() == new
            assert laboratory.names() == names | {version}

    print(
        f"refused at {fired} of {len(planned)} calls and errors: {dict(ends)}; {seen.reads} reads meanwhile"
    )
    assert fired == len(planned)
    assert set(ends) == {"old", "finished"}
    assert seen.errors == ()
    assert seen.reads >= fired


@dataclass(frozen=True)
class Scene:
    """All of a study that a reader can see."""

    current: tuple[str, str | None]
    versions: frozenset[str]
    title: str | None
    withdrawn: str | None


def scene_of(store: TraceStore) -> Scene:
    """Read all of a study; whatever has the name of a version is whole."""
    current = store.current(STUDY)
    versions = frozenset(path.name for path in (store.root / STUDY).iterdir() if is_version_name(path.name))
    for version in versions:
        store.verified(STUDY, version)
    status = store.status(STUDY)
    withdrawal = store.withdrawal(STUDY)
    return Scene(
        (current.version, current.previous),
        versions,
        status.title if status else None,
        withdrawal.reason if withdrawal else None,
    )


@pytest.mark.parametrize("act", ["rollback", "retain", "status", "withdraw", "restore"])
def test_an_act_killed_at_any_system_call_is_done_or_not_done(laboratory: Laboratory, act: str) -> None:
    def prepare() -> ManifestDraft:
        publisher = Publisher(laboratory.root)
        publisher.retain(STUDY, keep=0, ttl=timedelta(0))
        publisher.restore(STUDY)
        if act == "restore":
            publisher.withdraw(STUDY, "folder")
        for _ in range(3):
            laboratory.publish(draft := laboratory.next_draft())
        return draft

    prepare()
    counting = laboratory.act_traced(act, prepare())
    assert counting.exit_code == 0
    planned = [call for call in calls_of(counting.trace) if call.changes]
    assert "rename" in {call.family for call in planned}

    fired = 0
    for call in planned:
        draft = prepare()
        before = scene_of(laboratory.store)

        outcome = laboratory.act_traced(
            act, draft, "-e", f"inject={call.kind}:signal=SIGKILL:when={call.nth}"
        )

        assert outcome.exit_code == -signal.SIGKILL, f"not killed at {call}"
        fired += 1
        crashed = scene_of(laboratory.store)
        Publisher(laboratory.root).clean_leftovers()
        assert not any(name.startswith(".tmp-") for name in laboratory.names()), call
        recovered = scene_of(laboratory.store)
        if act != "rollback" or recovered.current == before.current:
            assert laboratory.act_traced(act, draft).exit_code == 0
        done = scene_of(laboratory.store)

        for scene in (crashed, recovered):
            assert scene.current in (before.current, done.current), call
            assert scene.title in (before.title, done.title), call
            assert scene.withdrawn in (before.withdrawn, done.withdrawn), call
            assert done.versions <= scene.versions <= before.versions, call
        assert done.current == (before.current[::-1] if act == "rollback" else before.current), call
        assert done.withdrawn == ("command" if act == "withdraw" else None), call

    assert fired == len(planned)


@pytest.mark.parametrize("act", ["withdraw", "restore", "remove"])
def test_an_error_at_any_system_call_leaves_a_withdrawal_as_it_was(laboratory: Laboratory, act: str) -> None:
    def prepare() -> ManifestDraft:
        laboratory.publish(draft := laboratory.next_study())
        if act != "withdraw":
            Publisher(laboratory.root).withdraw(draft.study.name, "folder")
        return draft

    calls = calls_of(laboratory.act_traced(act, prepare()).trace)
    last_rename = max(index for index, call in enumerate(calls) if call.family == "rename")
    sync = next(index for index in range(last_rename, len(calls)) if calls[index].family == "fsync")
    planned = [(call, refusal) for call in calls[: sync + 1] for refusal in refusals_of(call)]
    assert {"rename", "fsync"} <= {call.family for call, _ in planned}

    for call, refusal in planned:
        draft = prepare()
        study = draft.study.name
        before = laboratory.store.withdrawal(study)

        outcome = laboratory.act_traced(
            act, draft, "-e", f"inject={call.kind}:error={refusal}:when={call.nth}"
        )

        assert outcome.exit_code == EXIT_REFUSED, f"{refusal} at {call}"
        assert REASONS[refusal] in outcome.error
        assert laboratory.store.withdrawal(study) == before, f"{refusal} at {call}"
        laboratory.store.verified(study, laboratory.store.current(study).version)
        Publisher(laboratory.root).clean_leftovers()
        assert laboratory.act_traced(act, draft).exit_code == 0
        assert (study in laboratory.store.studies()) == (act != "remove")


def test_a_removal_killed_at_any_system_call_leaves_a_study_whole_or_gone(laboratory: Laboratory) -> None:
    def prepare() -> ManifestDraft:
        laboratory.publish(draft := laboratory.next_study())
        Publisher(laboratory.root).withdraw(draft.study.name, "folder")
        return draft

    planned = [call for call in calls_of(laboratory.act_traced("remove", prepare()).trace) if call.changes]
    assert {"rename", "unlink", "rmdir"} <= {call.family for call in planned}

    ends: Counter[str] = Counter()
    for call in planned:
        draft = prepare()
        study, version = draft.study.name, draft.identity.version()

        outcome = laboratory.act_traced(
            "remove", draft, "-e", f"inject={call.kind}:signal=SIGKILL:when={call.nth}"
        )

        assert outcome.exit_code == -signal.SIGKILL, f"not killed at {call}"
        for _ in ("crashed", "recovered"):
            if there := study in laboratory.store.studies():
                laboratory.store.verified(study, version)
                assert laboratory.store.withdrawal(study) is not None, call
            Publisher(laboratory.root).clean_leftovers()
        ends["whole" if there else "gone"] += 1
        assert not list(laboratory.root.glob(".tmp-*")), call

        laboratory.publish(draft)
        laboratory.store.verified(study, version)

    print(f"killed at {len(planned)} system calls: {dict(ends)}")
    assert set(ends) == {"whole", "gone"}


def test_what_gets_its_name_is_on_the_disk_before_and_its_name_is_after(laboratory: Laboratory) -> None:
    draft = laboratory.next_draft()
    calls = calls_of(laboratory.act_traced("publish", draft).trace)
    study = str(laboratory.root / STUDY)
    events = [event for call in calls if (event := _event(call))]
    renames = [index for index, (kind, _) in enumerate(events) if kind == "rename"]
    targets = [events[index][1] for index in renames]

    assert [target.split(" -> ")[1] for target in targets] == [
        f"{study}/{draft.identity.version()}",
        f"{study}/current.json",
    ]
    for index in renames:
        source = events[index][1].split(" -> ")[0]
        written = {path for kind, path in events[:index] if kind == "write" and path.startswith(source)}
        directories = {path for kind, path in events[:index] if kind == "mkdir" and path.startswith(source)}
        assert written, source
        for path in written:
            last_write = max(i for i, event in enumerate(events[:index]) if event == ("write", path))
            assert ("fsync", path) in events[last_write:index], path
        for path in directories | {study}:
            assert ("fsync", path) in events[:index], path
        assert ("fsync", study) in events[index : index + 2], "the name is not brought to the disk"
    assert f"{study}/{PUBLISH_LOCK}" not in {path for kind, path in events if kind == "write"}


def _event(call: Call) -> tuple[str, str] | None:
    if call.family in ("write", "fsync"):
        found = re.search(r"\(\d+<([^>]*)>", call.line)
        return (call.family, found[1]) if found else None
    if call.family == "mkdir":
        return call.family, call.line.split('"')[1]
    if call.family == "rename":
        _, source, _, target, _ = call.line.split('"')
        return call.family, f"{source} -> {target}"
    return None
