"""Names in a study's directory, and reading and checking of its records and files."""

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from tracestore.contract import Contract
from tracestore.durable import named
from tracestore.errors import PublishFailed, TraceCorrupt
from tracestore.manifest import (
    MANIFEST_FILE,
    STUDY_PATTERN,
    VERSION_PATTERN,
    FileEntry,
    Manifest,
)

MAX_RECORD_BYTES = 16 * 1024 * 1024
"""Maximum size of a manifest, pointer or status, which is read into memory whole before it is checked."""

_FAULTS_TOLD = 5


def is_study_name(name: str) -> bool:
    """Return True if `name` is valid for a study and may therefore become part of a path."""
    return re.fullmatch(STUDY_PATTERN, name) is not None


def is_version_name(name: str) -> bool:
    """Return True if `name` is valid for a version and may therefore become part of a path."""
    return re.fullmatch(VERSION_PATTERN, name) is not None


def record_bytes(record: Contract) -> bytes:
    """Return a record's JSON as stored in its file."""
    return record.model_dump_json(indent=2).encode() + b"\n"


def fitting_bytes(record: Contract, path: Path) -> bytes:
    """Return a record's JSON if readers will accept its size.

    Raises
    ------
    PublishFailed
        If the JSON is larger than `MAX_RECORD_BYTES`.
    """
    content = record_bytes(record)
    if len(content) > MAX_RECORD_BYTES:
        raise PublishFailed(f"{path}: expected at most {MAX_RECORD_BYTES} bytes; found {len(content)}")
    return content


def read_record[Record: Contract](path: Path, form: type[Record]) -> Record:
    """Read a JSON file of the store.

    Raises
    ------
    TraceCorrupt
        If the file is not regular, is larger than `MAX_RECORD_BYTES` or is malformed.
    OSError
        If the file cannot be opened or read; `FileNotFoundError` if it does not exist.
    """
    descriptor = _open_plain(path)
    with named(path), os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        if size > MAX_RECORD_BYTES:
            raise TraceCorrupt(f"{path}: expected at most {MAX_RECORD_BYTES} bytes; found {size}")
        content = file.read(MAX_RECORD_BYTES + 1)
    try:
        return form.model_validate_json(content)
    except ValidationError as error:
        raise TraceCorrupt(f"{path}: {_sentence(error)}") from None


def read_manifest(directory: Path, study: str, version: str) -> Manifest:
    """Read a manifest from a directory and check its study and version.

    Raises
    ------
    TraceCorrupt
        If the manifest is malformed or belongs to another study or version.
    OSError
        If the manifest cannot be read.
    """
    path = directory / MANIFEST_FILE
    manifest = read_record(path, Manifest)
    found = f"{manifest.study.name}/{manifest.version}"
    if found != f"{study}/{version}":
        raise TraceCorrupt(f"{path}: expected the manifest of {study}/{version}; found that of {found}")
    return manifest


def check_files(directory: Path, manifest: Manifest) -> None:
    """Check the files in a directory against their manifest: all sizes first, then all hashes.

    Raises
    ------
    TraceCorrupt
        If any file is missing, is not regular, or differs in size; otherwise if any file differs in
        hash. The error names every such file.
    OSError
        If a file cannot be read.
    """
    sizes = [_size_fault(directory / name, entry) for name, entry in manifest.files.items()]
    faults = [fault for fault in sizes if fault is not None]
    if not faults:
        hashes = [_hash_fault(directory / name, entry) for name, entry in manifest.files.items()]
        faults = [fault for fault in hashes if fault is not None]
    if faults:
        raise TraceCorrupt(f"{directory}: " + "; ".join(faults))


def open_file(directory: Path, manifest: Manifest, name: str) -> BinaryIO:
    """Open a file of a version after checking its size against the manifest; the caller closes it.

    Raises
    ------
    TraceCorrupt
        If the file is missing, is not regular, or differs in size.
    OSError
        If the file cannot be opened.
    """
    path = directory / name
    fault = _size_fault(path, manifest.files[name])
    if fault is not None:
        raise TraceCorrupt(f"{directory}: {fault}")
    return os.fdopen(_open_plain(path), "rb")


def describe_file(path: Path) -> FileEntry:
    """Return the size and SHA-256 of a regular file.

    Raises
    ------
    TraceCorrupt
        If the file is not regular.
    OSError
        If the file cannot be read.
    """
    descriptor = _open_plain(path)
    with named(path), os.fdopen(descriptor, "rb", buffering=0) as file:
        return FileEntry(
            sha256=hashlib.file_digest(file, "sha256").hexdigest(), size=os.fstat(descriptor).st_size
        )


def _size_fault(path: Path, entry: FileEntry) -> str | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return f"{path.name} is in the manifest and not in the directory"
    if not stat.S_ISREG(status.st_mode):
        return f"{path.name} is no regular file"
    if status.st_size != entry.size:
        return f"{path.name}: expected {entry.size} bytes; found {status.st_size}"
    return None


def _hash_fault(path: Path, entry: FileEntry) -> str | None:
    found = describe_file(path).sha256
    if found != entry.sha256:
        return f"{path.name}: expected SHA-256 {entry.sha256}; found {found}"
    return None


def _open_plain(path: Path) -> int:
    """Open a file for reading without following a link or waiting for the writer of a pipe."""
    with named(path):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise TraceCorrupt(f"{path}: expected a regular file; found {_kind(status.st_mode)}")
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a directory" if stat.S_ISDIR(mode) else "a special file"


def _sentence(error: ValidationError) -> str:
    """Return the first faults of a record as text; a hostile or corrupt file may have millions."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    told = [
        f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}"
        for fault in faults[:_FAULTS_TOLD]
    ]
    if len(faults) > _FAULTS_TOLD:
        told.append(f"and {len(faults) - _FAULTS_TOLD} more")
    return "; ".join(told)
