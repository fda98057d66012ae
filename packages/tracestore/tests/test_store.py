"""A reader gives only what is whole and in form, and says of the rest what is wrong with it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracestore.errors import NothingPublished, TraceCorrupt, VersionMissing
from tracestore.manifest import (
    CURRENT_FILE,
    MANIFEST_FILE,
    STATUS_FILE,
    TRACE_FILE,
    Manifest,
    Status,
    utc_now,
)
from tracestore.publisher import Publisher
from tracestore.records import MAX_RECORD_BYTES, read_manifest
from tracestore.store import TraceStore

STUDY = "cigarette-sales"
HERE = Path(__file__).parent

Publish = Callable[..., Manifest]


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_verified_version_has_its_manifest_and_its_trace(store: TraceStore, publish: Publish) -> None:
    manifest = publish(7)

    verified = store.verified(STUDY, store.current(STUDY).version)

    assert verified.manifest == manifest
    assert verified.trace.read_text() == "7\n" * 1000


def test_a_trace_is_opened_to_be_copied_if_it_has_its_size(
    store: TraceStore, root: Path, publish: Publish
) -> None:
    manifest = publish(7)

    found, file = store.open_trace(STUDY, manifest.version)
    with file:
        assert (found, file.read()) == (manifest, b"7\n" * 1000)

    (root / STUDY / manifest.version / TRACE_FILE).write_text("7\n" * 999)
    with pytest.raises(TraceCorrupt, match="expected 2000 bytes; found 1998"):
        store.open_trace(STUDY, manifest.version)


def test_studies_are_directories_that_may_be_one(store: TraceStore, root: Path, publish: Publish) -> None:
    publish(0, study="smoking-spending")
    publish(0)
    (root / "lost+found").mkdir()
    (root / "Notes").mkdir()
    (root / "notes").write_text("")
    (root / "linked").symlink_to(root / STUDY)

    assert store.studies() == (STUDY, "smoking-spending")


def test_an_empty_or_missing_store_has_no_studies(root: Path, store: TraceStore) -> None:
    assert store.studies() == ()
    root.mkdir()
    assert store.studies() == ()


def test_versions_are_newest_first_and_without_those_that_cannot_be_read(
    store: TraceStore, root: Path, publish: Publish
) -> None:
    versions = [publish(seed, passed=seed != 1) for seed in (2, 0, 3, 1)]
    (root / STUDY / versions[2].version / MANIFEST_FILE).write_text("{")
    (root / STUDY / ".tmp-0123456789ab-1").mkdir()

    assert [manifest.identity.seed for manifest in store.versions(STUDY)] == [2, 1, 0]
    assert store.versions("smoking-spending") == ()


def test_before_a_first_publish_there_is_nothing(store: TraceStore, publish: Publish) -> None:
    with pytest.raises(NothingPublished, match=STUDY):
        store.current(STUDY)
    publish(0, passed=False)
    with pytest.raises(NothingPublished, match=STUDY):
        store.current(STUDY)
    assert store.status(STUDY) is None
    with pytest.raises(VersionMissing, match="0123456789ab"):
        store.verified(STUDY, "0123456789ab")


@pytest.mark.parametrize(
    "name", ["..", ".", "", "/etc", "../traces/cigarette-sales", "a/b", "A", "a\n", "a\0", "é"]
)
def test_a_name_that_is_not_plain_is_missing_and_never_a_path(
    store: TraceStore, publish: Publish, name: str
) -> None:
    version = publish(0).version

    assert store.versions(name) == ()
    assert store.status(name) is None
    with pytest.raises(NothingPublished):
        store.current(name)
    for asked in ((name, version), (STUDY, name)):
        with pytest.raises(VersionMissing):
            store.manifest(*asked)
        with pytest.raises(VersionMissing):
            store.verified(*asked)
        with pytest.raises(VersionMissing):
            store.open_trace(*asked)


def test_a_version_retired_while_it_is_read_is_missing_and_not_corrupt(
    store: TraceStore, root: Path, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = publish(0).version

    def read_and_retire(directory: Path, study: str, version: str) -> Manifest:
        manifest = read_manifest(directory, study, version)
        directory.rename(directory.with_name(".tmp-retired"))
        return manifest

    monkeypatch.setattr("tracestore.store.read_manifest", read_and_retire)

    with pytest.raises(VersionMissing, match=version):
        store.verified(STUDY, version)


def test_a_changed_byte_is_found_by_its_hash(store: TraceStore, root: Path, publish: Publish) -> None:
    version = publish(0).version
    trace = root / STUDY / version / TRACE_FILE
    content = bytearray(trace.read_bytes())
    content[100] ^= 1
    trace.write_bytes(content)

    with pytest.raises(TraceCorrupt, match=r"trace\.nc: expected SHA-256 [0-9a-f]{64}; found"):
        store.verified(STUDY, version)


def test_every_file_of_a_wrong_size_is_named_before_any_is_hashed(
    store: TraceStore, root: Path, publisher: Publisher, make_draft: Callable[..., Any]
) -> None:
    def write(directory: Path) -> None:
        for name in (TRACE_FILE, "notes.txt", "table.csv"):
            (directory / name).write_text(name)

    version = publisher.publish(make_draft(0), write).version
    directory = root / STUDY / version
    (directory / TRACE_FILE).write_text("TRACE.NC")
    (directory / "notes.txt").write_text("longer than it was")
    (directory / "table.csv").unlink()

    with pytest.raises(TraceCorrupt) as told:
        store.verified(STUDY, version)

    assert "notes.txt: expected 9 bytes; found 18" in str(told.value)
    assert "table.csv is in the manifest and not in the directory" in str(told.value)
    assert "SHA-256" not in str(told.value)


@pytest.mark.parametrize("kind", ["link", "directory", "pipe"])
@pytest.mark.parametrize("name", [TRACE_FILE, MANIFEST_FILE])
def test_a_file_of_a_version_is_no_link_and_nothing_special(
    store: TraceStore, root: Path, publish: Publish, tmp_path: Path, name: str, kind: str
) -> None:
    version = publish(0).version
    path = root / STUDY / version / name
    path.rename(tmp_path / "elsewhere")
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "directory":
        path.mkdir()
    else:
        os.mkfifo(path)

    with pytest.raises(TraceCorrupt, match=rf"{name}.*regular file"):
        store.verified(STUDY, version)
    with pytest.raises(TraceCorrupt, match=rf"{name}.*regular file"):
        store.open_trace(STUDY, version)


def test_a_version_or_study_that_is_a_link_is_not_followed(
    store: TraceStore, root: Path, publish: Publish, tmp_path: Path
) -> None:
    version = publish(0).version
    directory = root / STUDY / version
    directory.rename(tmp_path / version)
    directory.symlink_to(tmp_path / version)
    with pytest.raises(TraceCorrupt, match="symbolic link"):
        store.verified(STUDY, version)

    (root / STUDY).rename(tmp_path / STUDY)
    (root / STUDY).symlink_to(tmp_path / STUDY)
    with pytest.raises(NothingPublished):
        store.current(STUDY)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"author": "me"}, "author: Extra inputs"),
        ({"files": {}}, "expected trace.nc among the files"),
        ({"files": {"../../etc/passwd": {"sha256": "a" * 64, "size": 1}}}, "files"),
        ({"files": {"trace.nc": {"sha256": "a" * 64, "size": -1}}}, "size"),
        ({"version": "0123456789ab"}, "which the identity gives"),
        ({"units": []}, "units"),
        (
            {"units": [{"id": "CA", "label": "C"}, {"id": "CA", "label": "D"}]},
            "units once; found again: .'CA'",
        ),
        ({"periods": [2005, 2005]}, "periods once.*2005"),
        ({"created_at": "2026-11-01T12:00:00"}, "created_at"),
    ],
)
def test_a_manifest_that_breaks_the_contract_is_corrupt_and_told_by_field(
    store: TraceStore, root: Path, publish: Publish, changes: dict[str, Any], told: str
) -> None:
    version = publish(0).version
    edit(root / STUDY / version / MANIFEST_FILE, **changes)

    with pytest.raises(TraceCorrupt, match=rf"{MANIFEST_FILE}: .*{told}"):
        store.manifest(STUDY, version)


def test_a_manifest_of_another_version_or_study_is_corrupt(
    store: TraceStore, root: Path, publish: Publish
) -> None:
    one, other = publish(0).version, publish(1).version
    shutil.copytree(root / STUDY, root / "smoking-spending")
    shutil.copy(root / STUDY / one / MANIFEST_FILE, root / STUDY / other / MANIFEST_FILE)

    with pytest.raises(
        TraceCorrupt, match=f"expected the manifest of {STUDY}/{other}; found that of {STUDY}/{one}"
    ):
        store.verified(STUDY, other)
    with pytest.raises(TraceCorrupt, match=f"expected the manifest of smoking-spending/{one}"):
        store.verified("smoking-spending", one)


@pytest.mark.parametrize("name", [CURRENT_FILE, STATUS_FILE, MANIFEST_FILE])
def test_a_record_too_large_is_refused_before_it_is_read(
    store: TraceStore, root: Path, publish: Publish, name: str
) -> None:
    version = publish(0).version
    path = root / STUDY / (f"{version}/{name}" if name == MANIFEST_FILE else name)
    with path.open("wb") as file:
        file.truncate(MAX_RECORD_BYTES + 1)
    read: dict[str, Callable[[], object]] = {
        CURRENT_FILE: lambda: store.current(STUDY),
        STATUS_FILE: lambda: store.status(STUDY),
        MANIFEST_FILE: lambda: store.manifest(STUDY, version),
    }

    with pytest.raises(
        TraceCorrupt, match=f"expected at most {MAX_RECORD_BYTES} bytes; found {MAX_RECORD_BYTES + 1}"
    ):
        read[name]()


def test_a_status_of_another_study_is_corrupt(
    store: TraceStore, root: Path, publisher: Publisher, publish: Publish
) -> None:
    publish(0)
    now = utc_now()
    publisher.write_status(
        Status(study="smoking-spending", title="", phase="waiting", started_at=now, updated_at=now)
    )
    shutil.copy(root / "smoking-spending" / STATUS_FILE, root / STUDY / STATUS_FILE)

    with pytest.raises(
        TraceCorrupt, match=f"expected the status of {STUDY}; found that of 'smoking-spending'"
    ):
        store.status(STUDY)


def test_a_reader_never_writes(root: Path, publish: Publish, tmp_path: Path) -> None:
    publish(0)
    log = tmp_path / "calls"
    strace = shutil.which("strace")
    assert strace is not None, "strace is not installed"

    subprocess.run(
        [strace, "-f", "-y", "-o", log, sys.executable, "-B", HERE / "polling_reader.py", root, STUDY],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )

    calls = [line for line in log.read_text().splitlines() if str(root) in line]
    assert any(TRACE_FILE in call for call in calls)
    writing = (
        "O_WRONLY",
        "O_RDWR",
        "O_CREAT",
        "mkdir",
        "rename",
        "unlink",
        "write(",
        "chmod",
        "flock",
        "fsync",
    )
    assert [call for call in calls if any(word in call for word in writing) and "execve" not in call] == []
