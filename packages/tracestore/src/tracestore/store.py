"""Read access to the trace store; this module never writes, so a read-only mount is enough."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tracestore.durable import is_plain_directory
from tracestore.errors import NothingPublished, TraceCorrupt, TraceStoreError, VersionMissing
from tracestore.manifest import (
    CURRENT_FILE,
    STATUS_FILE,
    TRACE_FILE,
    WITHDRAWN_FILE,
    Current,
    Manifest,
    Status,
    Withdrawal,
)
from tracestore.records import (
    check_files,
    is_study_name,
    is_version_name,
    open_file,
    read_manifest,
    read_record,
)
from tracestore.stamps import Stamp, read_stamps


@dataclass(frozen=True)
class VerifiedVersion:
    """A version whose files all matched the sizes and SHA-256 hashes in its manifest."""

    manifest: Manifest
    directory: Path

    @property
    def trace(self) -> Path:
        """Path of the NetCDF file with the draws."""
        return self.directory / TRACE_FILE


@dataclass(frozen=True)
class TraceStore:
    """Reader of the store below the directory `root`, which contains one directory per study.

    No state is kept between calls: each call reads the disk. Names come from readers' URLs as well as
    from the worker. An invalid name is reported as missing and never becomes part of a path.
    """

    root: Path

    def studies(self) -> tuple[str, ...]:
        """Return the sorted names of the studies that have a directory; skip invalid names.

        Raises
        ------
        TraceCorrupt
            If the store itself cannot be listed.
        """
        return tuple(name for name in self._names(self.root) if is_study_name(name) and self._is_study(name))

    def versions(self, study: str) -> tuple[Manifest, ...]:
        """Return the readable manifests of the study's versions, newest first.

        They include versions that did not pass their diagnostics. Only the manifests are checked, not the
        other files. The result is empty if the study does not exist.

        Raises
        ------
        TraceCorrupt
            If the study's directory cannot be listed.
        """
        if not self._is_study(study):
            return ()
        found = []
        for name in self._names(self.root / study):
            if is_version_name(name):
                try:
                    found.append(self.manifest(study, name))
                except TraceStoreError:
                    continue
        return tuple(
            sorted(found, key=lambda manifest: (manifest.created_at, manifest.version), reverse=True)
        )

    def current(self, study: str) -> Current:
        """Return the pointer to the served version.

        Raises
        ------
        NothingPublished
            If the study has no current version.
        TraceCorrupt
            If the pointer cannot be read or is malformed.
        """
        if not self._is_study(study):
            raise NothingPublished(f"{self.root}: there is no study {study!r}")
        with _reading(self.root / study / CURRENT_FILE) as path:
            try:
                return read_record(path, Current)
            except FileNotFoundError:
                raise NothingPublished(f"{study}: no version has been published yet") from None

    def manifest(self, study: str, version: str) -> Manifest:
        """Read a version's manifest without checking its other files.

        Raises
        ------
        VersionMissing
            If the version does not exist.
        TraceCorrupt
            If the manifest cannot be read, is malformed, or belongs to another version.
        """
        directory = self._directory(study, version)
        with _reading(directory), self._while_there(directory):
            return read_manifest(directory, study, version)

    def verified(self, study: str, version: str) -> VerifiedVersion:
        """Check the size and SHA-256 of every file of a version; its files may be opened afterward.

        Raises
        ------
        VersionMissing
            If the version does not exist or was retired during the read.
        TraceCorrupt
            If the manifest or a file violates the contract.
        """
        directory = self._directory(study, version)
        with _reading(directory), self._while_there(directory):
            manifest = read_manifest(directory, study, version)
            check_files(directory, manifest)
        return VerifiedVersion(manifest=manifest, directory=directory)

    def open_trace(self, study: str, version: str) -> tuple[Manifest, BinaryIO]:
        """Open a version's draws for copying after checking their size; the caller closes the file.

        The hash is not checked: the recipient of the copy checks it.

        Raises
        ------
        VersionMissing
            If the version does not exist or was retired during the read.
        TraceCorrupt
            If the manifest or the file violates the contract.
        """
        directory = self._directory(study, version)
        with _reading(directory), self._while_there(directory):
            manifest = read_manifest(directory, study, version)
            return manifest, open_file(directory, manifest, TRACE_FILE)

    def status(self, study: str) -> Status | None:
        """Read the worker's last status of the study; return None if there is none.

        Raises
        ------
        TraceCorrupt
            If the status cannot be read, is malformed, or belongs to another study.
        """
        return self._record(study, STATUS_FILE, Status)

    def withdrawal(self, study: str) -> Withdrawal | None:
        """Read the date and reason of a study's withdrawal; return None if it is not withdrawn.

        Raises
        ------
        TraceCorrupt
            If the record cannot be read, is malformed, or belongs to another study.
        """
        return self._record(study, WITHDRAWN_FILE, Withdrawal)

    def stamps(self) -> dict[str, Stamp]:
        """Read the stamp of every study's records without opening them; it changes with the records.

        A reader that keeps the previous stamps needs to read only the studies whose stamps differ. Draws
        and manifests have no stamps: a version never changes once it has its name.

        Raises
        ------
        TraceCorrupt
            If the store itself cannot be listed.
        """
        with _reading(self.root):
            try:
                return read_stamps(self.root)
            except FileNotFoundError:
                return {}

    def _record[Record: (Status, Withdrawal)](
        self, study: str, name: str, form: type[Record]
    ) -> Record | None:
        if not self._is_study(study):
            return None
        with _reading(self.root / study / name) as path:
            try:
                record = read_record(path, form)
            except FileNotFoundError:
                return None
        if record.study != study:
            kind = form.__name__.lower()
            raise TraceCorrupt(f"{path}: expected the {kind} of {study}; found that of {record.study!r}")
        return record

    def _is_study(self, study: str) -> bool:
        with _reading(self.root):
            return is_study_name(study) and is_plain_directory(self.root / study)

    def _directory(self, study: str, version: str) -> Path:
        if not (is_version_name(version) and self._is_study(study)):
            raise VersionMissing(f"{self.root}: there is no version {version!r} of a study {study!r}")
        directory = self.root / study / version
        with _reading(directory):
            if directory.is_symlink():
                raise TraceCorrupt(f"{directory}: expected a directory; found a symbolic link")
            if not is_plain_directory(directory):
                raise VersionMissing(f"{study}: there is no version {version}")
        return directory

    @staticmethod
    def _names(directory: Path) -> list[str]:
        with _reading(directory):
            try:
                return sorted(path.name for path in directory.iterdir())
            except FileNotFoundError:
                return []

    @staticmethod
    @contextmanager
    def _while_there(directory: Path) -> Iterator[None]:
        """Raise `VersionMissing` if the version was removed during the read, not if a file is missing."""
        try:
            yield
        except (TraceCorrupt, FileNotFoundError):
            if not is_plain_directory(directory):
                raise VersionMissing(f"{directory}: the version is no longer in the store") from None
            raise


@contextmanager
def _reading(path: Path) -> Iterator[Path]:
    try:
        yield path
    except OSError as error:
        raise TraceCorrupt(f"{error.filename or path}: cannot be read: {error.strerror or error}") from error
