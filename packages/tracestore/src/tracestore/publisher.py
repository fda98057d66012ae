"""Writing the trace store: publishing, rolling back, retiring; the worker alone does it."""

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
    """Writes the store below `root`, which is made if it is not there.

    Every change of a study is made under that study's lock, which the kernel frees when its holder
    dies. A second publisher of the same study waits for `patience` and is then refused with
    `PublishFailed`; publishers of different studies do not meet. The status has a lock of its own, so
    it can be written while a version is being published.
    """

    def __init__(self, root: Path, patience: timedelta = PATIENCE) -> None:
        self.root = root
        self._store = TraceStore(root)
        self._patience = patience

    def clean_leftovers(self) -> tuple[Path, ...]:
        """Clear away what publishers that died have left in all studies, and say what it was.

        A version that had got its name, while the pointer to it had not been moved yet, becomes
        current. What belongs to a publisher that is at work is left alone.

        Raises
        ------
        PublishFailed
            A leftover cannot be removed.
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
                # The look before the lock spares a volume that needs no cleaning any writing.
                with self._failing(f"cleaning {name}"), suppress(Occupied):
                    if find(study):
                        with hold(study / lock, timedelta(0)):
                            leftovers = find(study)
                            clear(study, leftovers)
                            cleared += leftovers
        return tuple(cleared)

    def publish(self, draft: ManifestDraft, write: Callable[[Path], None]) -> Manifest:
        """Publish a version whole, and serve it if its verdict passed.

        Parameters
        ----------
        draft
            What is known of the version; its identity names it.
        write
            Given an empty directory, writes `trace.nc` there, and any other files, all closed when it
            returns. Best it writes bytes that are ready: HDF5 writing to a full disk itself can end the
            process with a segmentation fault instead of an error. It is not called when the version is
            in the store already and is whole: then that version is served if its verdict passed. One
            that is there damaged is replaced.

        Returns
        -------
        Manifest
            The manifest of the version in the store.

        Raises
        ------
        PublishFailed
            The disk refused, `write` left something other than plain files or no `trace.nc`, or
            another publisher holds the study. What was served is served still, and the unfinished
            version is gone as far as the disk allows; one that failed at the very last step, when
            readers may have seen it, becomes current at `clean_leftovers`. Other exceptions of `write`
            pass through, with the same effect.
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

        The two change places, so that a second rollback undoes the first. A rolled back version stays
        in the store, which is how a watching worker knows not to publish it again.

        Raises
        ------
        NothingPublished
            The study has no current version.
        VersionMissing
            There is none before it, or it is no longer in the store.
        TraceCorrupt
            The pointer or the version before it is damaged.
        PublishFailed
            The disk refused, or another publisher holds the study.
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
        """Remove versions that are neither among the newest, nor young, nor served.

        Parameters
        ----------
        study
            The study whose versions to look at.
        keep
            How many of the newest versions stay whatever their age; at least 0.
        ttl
            How old, by `created_at`, a version must be to go; a version whose manifest cannot be read
            counts from the last change of its directory.

        Returns
        -------
        tuple of str
            The names of the versions removed, sorted. The current version and the one before it never
            are.

        Raises
        ------
        TraceCorrupt
            The pointer is damaged, so that it is not known what is served; nothing is removed.
        PublishFailed
            The disk refused, or another publisher holds the study.
        ValueError
            `keep` is negative.
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
                # Gone under its name at once, so that no reader meets half of it.
                (directory / version).rename(directory / f"{TEMPORARY_PREFIX}retired-{version}")
            if retired:
                sync_directory(directory)
                clear(directory, find_leftovers(directory))
        return retired

    def write_status(self, status: Status) -> None:
        """Replace the status of a study; readers see the old one or the new one.

        Raises
        ------
        PublishFailed
            The disk refused, the status is larger than readers accept, or no study can have its name.
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
        """Withdraw a study from pages and lists; its versions stay, and so does what is current.

        A study that is withdrawn already keeps the date of its withdrawal. Its reason may become
        "command", and not "folder" again: a study withdrawn by hand is restored by hand.

        Raises
        ------
        NothingPublished
            There is no such study in the store.
        TraceCorrupt
            The store cannot be listed.
        PublishFailed
            The disk refused, or another publisher holds the study.
        """
        self._require_study(study)
        directory = self.root / study
        with self._failing(f"withdrawing {study}"), hold(directory / PUBLISH_LOCK, self._patience):
            clear(directory, find_leftovers(directory))
            write_withdrawal(directory, reason)

    def restore(self, study: str) -> None:
        """Take a study's withdrawal back, damaged or not; a study that is not withdrawn stays as it is.

        Raises
        ------
        NothingPublished
            There is no such study in the store.
        TraceCorrupt
            The store cannot be listed.
        PublishFailed
            The disk refused, or another publisher holds the study.
        """
        self._require_study(study)
        directory = self.root / study
        with self._failing(f"restoring {study}"), hold(directory / PUBLISH_LOCK, self._patience):
            clear(directory, find_leftovers(directory))
            lift_withdrawal(directory)

    def remove_withdrawn(self, study: str, ttl: timedelta) -> bool:
        """Remove a study whole, with all its versions, if it was withdrawn longer than `ttl` ago.

        Returns
        -------
        bool
            Whether it was removed. Its directory has another name first, which no reader lists, so that
            it is never half there; what of it cannot go now goes at `clean_leftovers`.

        Raises
        ------
        TraceCorrupt
            The record of its withdrawal cannot be read or is damaged; nothing is removed.
        PublishFailed
            The disk refused, or another publisher holds the study.
        """
        if not self._is_withdrawn(study, ttl):
            return False
        directory = self.root / study
        with (
            self._failing(f"removing {study}"),
            hold(directory / PUBLISH_LOCK, self._patience),
            hold(directory / STATUS_LOCK, self._patience),
        ):
            # It may have been restored while the locks were waited for.
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
        """Tell what the disk refused as `PublishFailed`."""
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
            # Only an error of the disk says for certain that a rename was not done. Whatever else
            # breaks in here, as an interrupt does, leaves the pointer for the next start to settle.
            with suppress(OSError):
                _withdraw(study / version, temporary, pending)
            raise
    confirm_pointer(study, before, pending)
    return manifest


def _withdraw(final: Path, temporary: Path, pending: Path) -> None:
    """Take its name from a version that no reader knows yet, and drop the pointer to it.

    Without its pointer the version would look, to a worker that asks what is in the store, as if it
    had been rolled back; so the pointer goes last.
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
