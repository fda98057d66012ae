"""Reconciler: it reads every study, fits those missing from the store, and writes their faults."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

from model_worker.fit.verdicts import explain
from model_worker.service.fit_job import Fitted, explain_error, fit_folder
from model_worker.service.progress import make_status
from model_worker.service.store_writer import StoreWriter
from model_worker.service.withdrawals import held_back
from model_worker.settings import Settings
from model_worker.study.definition import is_study_name, study_folders, title_of
from model_worker.study.faults import InvalidInput
from tracestore.errors import NothingPublished, PublishFailed, TraceCorrupt, VersionMissing
from tracestore.manifest import Fault, Manifest, Phase
from tracestore.store import TraceStore

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """Final phase of a study's status, with the reason for a failure."""

    phase: Phase
    error: str = ""
    faults: tuple[Fault, ...] = ()


class Reconciler:
    """Reconciliation of the store with the studies directory.

    It compares contents, not events: a study whose input has not changed since the last call is only read.

    Parameters
    ----------
    settings
        Directories, and the settings of a fit.
    store, writer
        The trace store to read, and its only writer.
    stop
        Event that ends the current work.
    fit
        Function that fits the study in a folder; by default in this process.
    """

    def __init__(
        self,
        settings: Settings,
        store: TraceStore,
        writer: StoreWriter,
        stop: Event,
        fit: Callable[[Path], Fitted | None] | None = None,
    ) -> None:
        self._settings, self._store, self._writer, self._stop = settings, store, writer, stop
        self._fit_folder = fit or partial(fit_folder, settings=settings, writer=writer, stop=stop)
        self._settled: dict[str, object] = {}
        self._versions: dict[str, str] = {}
        self.outcomes: dict[str, Outcome] = {}

    def announce(self) -> None:
        """Write the status `waiting` for every study, so that readers see all of them before the first fit.

        Raises
        ------
        PublishFailed
            If the store cannot be written.
        """
        for folder in study_folders(self._settings.studies_dir):
            if is_study_name(folder.name) and not self._is_held(folder):
                self._writer.write_status(make_status(folder.name, title_of(folder), "waiting"))

    def forget(self) -> None:
        """Clear the settled studies, so that the next call checks all again, including failed fits."""
        self._settled.clear()

    def reconcile(self, *, again: bool = False, only: Collection[str] = ()) -> None:
        """Check all studies, then fit those whose version is not in the store.

        Parameters
        ----------
        again
            Serve the version of the current input even if the store was rolled back from it.
        only
            Names of the studies to reconcile; all studies if empty.
        """
        try:
            folders = study_folders(self._settings.studies_dir)
        except OSError:
            # The state of every study is unknown; `model_worker.service.watcher` logs the reason and retries.
            return
        there = [folder for folder in folders if not self._is_held(folder)]
        # A missing study may be removed from the store meanwhile, so it is checked again when it returns.
        for name in self._settled.keys() - {folder.name for folder in there}:
            del self._settled[name]
        chosen = [folder for folder in there if not only or folder.name in only]
        # All studies are checked before the first fit, so that faults are reported within seconds.
        waiting = [folder for folder in chosen if not self._stop.is_set() and self._check(folder, again)]
        for folder in waiting:
            if not (self._stop.is_set() or self._is_held(folder)):
                self._fit(folder)

    def _is_held(self, folder: Path) -> bool:
        try:
            return held_back(self._store, folder.name) is not None
        except TraceCorrupt:
            # The study may have been withdrawn by hand; `Withdrawals` reports the damaged record.
            return True

    def _check(self, folder: Path, again: bool) -> bool:
        """Return True if the study must be fitted; settle every other case."""
        # Imported here because pandas takes a second to import; statuses are announced before that.
        from model_worker.design.study_input import read_input

        name = folder.name
        try:
            version = read_input(folder, self._settings).identity.version()
        except InvalidInput as invalid:
            if self._settled.get(name) != invalid.faults:
                for fault in invalid.faults:
                    log.error("%s", fault.sentence(), extra={"study": name})
                self._settle(folder, invalid.faults, Outcome("invalid", faults=invalid.faults))
            return False
        except Exception as error:  # noqa: BLE001 - one study must not stop the others
            self._settle_error(folder, error, None)
            return False
        if self._settled.get(name) == version:
            return False
        changed = self._versions.get(name, version) != version
        self._versions[name] = version
        manifest = self._published(name, version)
        if manifest is None:
            self._tell(folder, Outcome("waiting"))
            return True
        try:
            self._settle_published(folder, manifest, serve=again or changed)
        except Exception as error:  # noqa: BLE001 - one study must not stop the others
            self._settle_error(folder, error, version)
        return False

    def _published(self, study: str, version: str) -> Manifest | None:
        try:
            return self._store.verified(study, version).manifest
        except VersionMissing:
            return None
        except TraceCorrupt as error:
            log.error("%s; it is fitted again", error, extra={"study": study})
            return None

    def _settle_published(self, folder: Path, manifest: Manifest, *, serve: bool) -> None:
        from model_worker.service.fit_pipeline import serve_again

        name, version = folder.name, manifest.version
        if not manifest.verdict.passed:
            error = explain(manifest.verdict)
            log.error("version %s is kept and not served. %s", version, error, extra={"study": name})
            self._settle(folder, version, Outcome("failed", error=error))
            return
        if serve:
            serve_again(manifest, self._writer)
        try:
            served = self._store.current(name).version
        except (NothingPublished, TraceCorrupt):
            # No version is served, so no rollback can have taken place.
            serve_again(manifest, self._writer)
            served = version
        state = "current" if served == version else f"not served: {served} is, after a rollback"
        log.info("version %s is already fitted, and %s", version, state, extra={"study": name})
        self._settle(folder, version, Outcome("published"))

    def _fit(self, folder: Path) -> None:
        fitted = self._fit_folder(folder)
        if fitted is None:
            # The files changed after they were checked; the next call reports their faults.
            return
        version = fitted.version or self._versions[folder.name]
        self._versions[folder.name] = version
        if fitted.error:
            self._settle(folder, version, Outcome("failed", error=fitted.error))
        else:
            self._settle(folder, version, Outcome("published"))

    def _settle_error(self, folder: Path, error: Exception, version: str | None) -> None:
        sentence = explain_error(error)
        log.error("%s", sentence, extra={"study": folder.name})
        log.debug("the fit broke off here", exc_info=error, extra={"study": folder.name})
        self._settle(folder, version, Outcome("failed", error=sentence))

    def _settle(self, folder: Path, state: object, outcome: Outcome) -> None:
        self._settled[folder.name] = state
        self.outcomes[folder.name] = outcome
        self._tell(folder, outcome)

    def _tell(self, folder: Path, outcome: Outcome) -> None:
        if not is_study_name(folder.name):
            return
        status = make_status(
            folder.name,
            title_of(folder),
            outcome.phase,
            error=outcome.error or None,
            faults=outcome.faults,
        )
        try:
            self._writer.write_status(status)
        except PublishFailed as error:
            log.error("%s", error, extra={"study": folder.name})
