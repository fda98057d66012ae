"""Write access to the trace store, for the worker only: publishing, rolling back, retiring."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_hex

from tracestore.durable import (
    is_plain_directory,
    make_directory,
    named,
    open_to_readers,
    removed_on_error,
    sync_directory,
    write_file,
)
from tracestore.errors import NothingPublished, PublishFailed, VersionMissing
from tracestore.leftovers import STATUS_PREFIX, clear, find_leftovers, find_status_leftovers
from tracestore.lock import Occupied, hold
from tracestore.manifest import (
    STATUS_FILE,
    Current,
    Manifest,
    ManifestDraft,
    Status,
    WithdrawalReason,
    utc_now,
)
from tracestore.pointer import confirm_pointer, prepare_pointer, read_pointer, served_version, switch_pointer
from tracestore.records import fitting_bytes, is_study_name, is_version_name
from tracestore.store import TraceStore
from tracestore.version import TEMPORARY_PREFIX, complete_version, name_version, whole_version
from tracestore.withdrawal import (
    find_removed,
    hide_study,
    lift_withdrawal,
    remove_hidden,
    write_withdrawal,
)

PUBLISH_LOCK = ".lock-publish"
STATUS_LOCK = ".lock-status"
PATIENCE = timedelta(seconds=30)


class Publisher:
    """Writer of the store below `root`, which is created if missing.

    Every change of a study is made under that study's lock, which the kernel frees when its holder dies. A
    second publisher of a study waits for `patience` and then fails with `PublishFailed`. Publishers of
    different studies never wait. The status has its own lock, so it can be written during a publish.
    """

    def __init__(self, root: Path, patience: timedelta = PATIENCE) -> None:
        self.root = root
        self._store = TraceStore(root)
        self._patience = patience

    def clean_leftovers(self) -> tuple[Path, ...]:
        """Clear the leftovers of dead publishers in all studies and return their paths.

        A version that already has its name, but whose pointer had not been moved, becomes current.
        Unfinished work of a running publisher is not touched.

        Raises
        ------
        PublishFailed
            If a leftover cannot be removed.
        """
        cleared: list[Path] = []
        with self._failing("cleaning the store"):
            if self.root.exists():
                for hidden in find_removed(self.root):
                    remove_hidden(hidden)
                    cleared.append(hidden)
        for name in self._store.studies():
            study = self.root / name
            for find, lock in ((find_status_leftovers, STATUS_LOCK), (find_leftovers, PUBLISH_LOCK)):
                # Checking before locking avoids any write to a volume that needs no cleaning.
                with self._failing(f"cleaning {name}"), suppress(Occupied):
                    if find(study):
                        with hold(study / lock, timedelta(0)):
                            leftovers = find(study)
                            clear(study, leftovers)
                            cleared += leftovers
        return tuple(cleared)

    def publish(self, draft: ManifestDraft, write: Callable[[Path], None]) -> Manifest:
        """Publish a complete version, and serve it if its verdict passed.

        Parameters
        ----------
        draft
            Manifest draft of the version; its identity determines the version's name.
        write
            Function that writes `trace.nc` and any other files to an empty directory and closes them. It
            should write prepared bytes: HDF5 writing to a full disk can end the process with a
            segmentation fault instead of an error. It is not called if the version is already in the
            store and undamaged; that version is then served if its verdict passed. A damaged version is
            replaced.

        Returns
        -------
        Manifest
            The manifest of the version in the store.

        Raises
        ------
        PublishFailed
            If the disk reports an error, `write` left no `trace.nc` or anything but plain files, or
            another publisher holds the study. The served version stays served, and the unfinished
            version is removed as far as the disk allows. A version that failed at the last step, when
            readers may have seen it, becomes current at `clean_leftovers`. Other exceptions of `write`
            propagate, with the same effect.
        """
        study, version = self.root / draft.study.name, draft.identity.version()
        with self._failing(f"publishing {study.name}/{version}"):
            self._make_study(study)
            with hold(study / PUBLISH_LOCK, self._patience):
                clear(study, find_leftovers(study))
                there = whole_version(study / version)
                if there is None:
                    return _publish_new(study, draft, write)
                _serve(study, there)
                return there

    def rollback(self, study: str) -> Current:
        """Serve the version that was served before the current one.

        The two versions are swapped, so a second rollback undoes the first. The rolled-back version stays
        in the store, so a watching worker does not publish it again.

        Raises
        ------
        NothingPublished
            If the study has no current version.
        VersionMissing
            If there is no previous version, or it is no longer in the store.
        TraceCorrupt
            If the pointer or the previous version is damaged.
        PublishFailed
            If the disk reports an error, or another publisher holds the study.
        """
        self._store.current(study)
        directory = self.root / study
        with self._failing(f"rolling back {study}"), hold(directory / PUBLISH_LOCK, self._patience):
            clear(directory, find_leftovers(directory))
            served = self._store.current(study)
            if served.previous is None:
                raise VersionMissing(f"{study}: no version was served before {served.version}")
            _serve(directory, self._store.verified(study, served.previous).manifest)
        return self._store.current(study)

    def retain(self, study: str, keep: int, ttl: timedelta) -> tuple[str, ...]:
        """Remove versions that are older than `ttl`, not among the newest `keep` and not served.

        Parameters
        ----------
        study
            Name of the study.
        keep
            Number of newest versions to keep regardless of age; at least 0.
        ttl
            Minimum age, by `created_at`, of a removed version. The age of a version with an unreadable
            manifest counts from the last change of its directory.

        Returns
        -------
        tuple of str
            Sorted names of the removed versions. The current version and the one before it are never
            removed.

        Raises
        ------
        TraceCorrupt
            If the pointer is damaged, so that the served version is unknown; no version is removed.
        PublishFailed
            If the disk reports an error, or another publisher holds the study.
        ValueError
            If `keep` is negative.
        """
        if keep < 0:
            raise ValueError(f"expected to keep 0 versions or more; found {keep}")
        if study not in self._store.studies():
            return ()
        directory = self.root / study
        with self._failing(f"retiring versions of {study}"), hold(directory / PUBLISH_LOCK, self._patience):
            clear(directory, find_leftovers(directory))
            retired = self._expired(study, keep, utc_now() - ttl)
            for version in retired:
                # The rename removes the name atomically, so no reader sees an incomplete version.
                (directory / version).rename(directory / f"{TEMPORARY_PREFIX}retired-{version}")
            if retired:
                sync_directory(directory)
                clear(directory, find_leftovers(directory))
        return retired

    def write_status(self, status: Status) -> None:
        """Replace the status of a study atomically: readers see the old one or the new one.

        Raises
        ------
        PublishFailed
            If the disk reports an error, the status exceeds the readers' limit, or its study name is invalid.
        """
        study = self.root / status.study
        with self._failing(f"writing the status of {status.study!r}"):
            if not is_study_name(status.study):
                raise PublishFailed(
                    f"{self.root}: expected a study named with lower case letters, digits and inner hyphens, "
                    f"at most 64; found {status.study!r}"
                )
            content = fitting_bytes(status, study / STATUS_FILE)
            self._make_study(study)
            with hold(study / STATUS_LOCK, self._patience):
                pending = study / f"{STATUS_PREFIX}{token_hex(4)}"
                with removed_on_error(pending):
                    write_file(pending, content)
                    pending.replace(study / STATUS_FILE)
                sync_directory(study)

    def withdraw(self, study: str, reason: WithdrawalReason) -> None:
        """Withdraw a study from pages and lists; its versions and its pointer stay.

        A study that is already withdrawn keeps the date of its withdrawal. Its reason may change to
        "command" but never back to "folder": a manual withdrawal must be restored manually.

        Raises
        ------
        NothingPublished
            If the study is not in the store.
        TraceCorrupt
            If the store cannot be listed.
        PublishFailed
            If the disk reports an error, or another publisher holds the study.
        """
        self._require_study(study)
        directory = self.root / study
        with self._failing(f"withdrawing {study}"), hold(directory / PUBLISH_LOCK, self._patience):
            clear(directory, find_leftovers(directory))
            write_withdrawal(directory, reason)

    def restore(self, study: str) -> None:
        """Remove a study's withdrawal record, damaged or not; do nothing if the study is not withdrawn.

        Raises
        ------
        NothingPublished
            If the study is not in the store.
        TraceCorrupt
            If the store cannot be listed.
        PublishFailed
            If the disk reports an error, or another publisher holds the study.
        """
        self._require_study(study)
        directory = self.root / study
        with self._failing(f"restoring {study}"), hold(directory / PUBLISH_LOCK, self._patience):
            clear(directory, find_leftovers(directory))
            lift_withdrawal(directory)

    def remove_withdrawn(self, study: str, ttl: timedelta) -> bool:
        """Remove a study with all its versions if it was withdrawn longer than `ttl` ago.

        Returns
        -------
        bool
            True if the study was removed. Its directory is first renamed to a name that no reader lists, so
            no reader sees an incomplete study. `clean_leftovers` removes any files that remain.

        Raises
        ------
        TraceCorrupt
            If the withdrawal record is damaged or cannot be read; the study is not removed.
        PublishFailed
            If the disk reports an error, or another publisher holds the study.
        """
        if not self._is_withdrawn(study, ttl):
            return False
        directory = self.root / study
        with (
            self._failing(f"removing {study}"),
            hold(directory / PUBLISH_LOCK, self._patience),
            hold(directory / STATUS_LOCK, self._patience),
        ):
            # The study may have been restored during the wait for the locks.
            if not self._is_withdrawn(study, ttl):
                return False
            hidden = hide_study(directory)
        with suppress(OSError):
            remove_hidden(hidden)
        return True

    def _is_withdrawn(self, study: str, ttl: timedelta) -> bool:
        found = self._store.withdrawal(study)
        return found is not None and utc_now() - found.withdrawn_at > ttl

    def _require_study(self, study: str) -> None:
        if study not in self._store.studies():
            raise NothingPublished(f"{self.root}: there is no study {study!r}")

    def _make_study(self, study: Path) -> None:
        if not self.root.exists():
            with named(self.root):
                self.root.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                make_directory(self.root)
        if not is_plain_directory(study):
            try:
                make_directory(study)
            except FileExistsError:
                if not is_plain_directory(study):
                    raise PublishFailed(
                        f"{study}: expected a directory; found a link or a file. Move it away."
                    ) from None
            sync_directory(self.root)
        open_to_readers(study)

    def _expired(self, study: str, keep: int, before: datetime) -> tuple[str, ...]:
        served = read_pointer(self.root / study)
        stay = {served.version, served.previous} if served else set()
        readable = self._store.versions(study)
        stay |= {manifest.version for manifest in readable[:keep]}
        born = {manifest.version: manifest.created_at for manifest in readable}
        expired = []
        for path in (self.root / study).iterdir():
            if is_version_name(path.name) and is_plain_directory(path) and path.name not in stay:
                age = born.get(path.name) or datetime.fromtimestamp(path.stat().st_mtime, tz=before.tzinfo)
                if age < before:
                    expired.append(path.name)
        return tuple(sorted(expired))

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        """Raise `PublishFailed` for disk errors and for locks held by other publishers."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise PublishFailed(
                f"{what}: {error.filename or self.root}: {reason}. What is served is unchanged."
            ) from error
        except Occupied as occupied:
            raise PublishFailed(
                f"{what}: {occupied}: another publisher has held the study for more than "
                f"{self._patience.total_seconds():g} s. Try again when it has finished."
            ) from None


def _publish_new(study: Path, draft: ManifestDraft, write: Callable[[Path], None]) -> Manifest:
    version = draft.identity.version()
    temporary = study / f"{TEMPORARY_PREFIX}{version}-{token_hex(4)}"
    with removed_on_error(temporary):
        make_directory(temporary)
        with named(temporary):
            write(temporary)
        manifest = complete_version(temporary, draft)
        if not manifest.verdict.passed:
            name_version(temporary, study / version)
            return manifest
        pending = prepare_pointer(study, version)
        try:
            name_version(temporary, study / version)
            before = switch_pointer(study, pending)
        except OSError:
            # Only a disk error proves that a rename was not done. After any other exception, such as an
            # interrupt, the pointer stays and the next start settles it.
            with suppress(OSError):
                _withdraw(study / version, temporary, pending)
            raise
    confirm_pointer(study, before, pending)
    return manifest


def _withdraw(final: Path, temporary: Path, pending: Path) -> None:
    """Undo the naming of a version that no reader knows yet, and then remove its pointer.

    The pointer is removed last: a named version without a pointer would look rolled back to a worker
    that checks the store.
    """
    if not temporary.exists():
        final.rename(temporary)
    pending.unlink()


def _serve(study: Path, manifest: Manifest) -> None:
    if not manifest.verdict.passed:
        return
    served = served_version(study)
    if served is not None and served.version == manifest.version:
        sync_directory(study)
        return
    pending = prepare_pointer(study, manifest.version)
    with removed_on_error(pending, OSError):
        before = switch_pointer(study, pending)
    confirm_pointer(study, before)
