"""The trace store as its readers see it; nothing here writes, so a read-only mount is enough."""

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
    """A version each of whose files has had the size and the SHA-256 that its manifest says."""

    manifest: Manifest
    directory: Path

    @property
    def trace(self) -> Path:
        """Where the draws are: a NetCDF file."""
        return self.directory / TRACE_FILE


@dataclass(frozen=True)
class TraceStore:
    """Reads the store below the directory `root`, which holds one directory for each study.

    Nothing is kept between calls: each says what the disk holds now. Names come from readers'
    addresses as well as from the worker; one that no study or version may have is told as missing
    and never becomes part of a path.
    """

    root: Path

    def studies(self) -> tuple[str, ...]:
        """Name the studies that have a directory, sorted; what cannot be a study is passed over.

        Raises
        ------
        TraceCorrupt
            The store itself cannot be listed.
        """
        return tuple(name for name in self._names(self.root) if is_study_name(name) and self._is_study(name))

    def versions(self, study: str) -> tuple[Manifest, ...]:
        """Give the manifests of the study's versions that can be read, newest first.

        Versions that did not pass their diagnostics are among them, and no file but the manifest has
        been checked. Empty when there is no such study.

        Raises
        ------
        TraceCorrupt
            The study's directory cannot be listed.
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
        """Say which version is served.

        Raises
        ------
        NothingPublished
            The study has no current version.
        TraceCorrupt
            The pointer cannot be read or has not the form.
        """
        if not self._is_study(study):
            raise NothingPublished(f"{self.root}: there is no study {study!r}")
        with _reading(self.root / study / CURRENT_FILE) as path:
            try:
                return read_record(path, Current)
            except FileNotFoundError:
                raise NothingPublished(f"{study}: no version has been published yet") from None

    def manifest(self, study: str, version: str) -> Manifest:
        """Read what a version is, without looking at its other files.

        Raises
        ------
        VersionMissing
            There is no such version.
        TraceCorrupt
            The manifest cannot be read, has not the form, or is another version's.
        """
        directory = self._directory(study, version)
        with _reading(directory), self._while_there(directory):
            return read_manifest(directory, study, version)

    def verified(self, study: str, version: str) -> VerifiedVersion:
        """Check size and SHA-256 of every file of a version; its files may be opened afterwards.

        Raises
        ------
        VersionMissing
            There is no such version, or it was retired while it was read.
        TraceCorrupt
            The manifest or a file is not what it should be.
        """
        directory = self._directory(study, version)
        with _reading(directory), self._while_there(directory):
            manifest = read_manifest(directory, study, version)
            check_files(directory, manifest)
        return VerifiedVersion(manifest=manifest, directory=directory)

    def open_trace(self, study: str, version: str) -> tuple[Manifest, BinaryIO]:
        """Open a version's draws to be copied, with the size that its manifest says; the caller closes it.

        The hash is not checked: it is for whoever has the copy.

        Raises
        ------
        VersionMissing
            There is no such version, or it was retired just now.
        TraceCorrupt
            The manifest or the file is not what it should be.
        """
        directory = self._directory(study, version)
        with _reading(directory), self._while_there(directory):
            manifest = read_manifest(directory, study, version)
            return manifest, open_file(directory, manifest, TRACE_FILE)

    def status(self, study: str) -> Status | None:
        """Give what the worker last said about the study; None when it has said nothing.

        Raises
        ------
        TraceCorrupt
            The status cannot be read, has not the form, or is another study's.
        """
        return self._record(study, STATUS_FILE, Status)

    def withdrawal(self, study: str) -> Withdrawal | None:
        """Read since when and why a study is withdrawn; None when it is not.

        Raises
        ------
        TraceCorrupt
            The record cannot be read, has not the form, or is another study's.
        """
        return self._record(study, WITHDRAWN_FILE, Withdrawal)

    def stamps(self) -> dict[str, Stamp]:
        """Read a stamp of every study's records, without opening any; it changes whenever they do.

        A reader who keeps the stamps of its last look has to read only the studies whose stamp differs.
        Draws and manifests have none: a version never changes once it has its name.

        Raises
        ------
        TraceCorrupt
            The store itself cannot be listed.
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
        """Tell a version that is taken away while it is read from one that lacks a file."""
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
