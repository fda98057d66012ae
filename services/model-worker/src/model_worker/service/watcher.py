"""The container's command: fit unpublished studies, then watch the studies directory until stopped."""

import logging
import signal
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import watchfiles

from model_worker.service.fitting_process import FittingProcess
from model_worker.service.reconciler import Reconciler
from model_worker.service.store_writer import StoreWriter
from model_worker.service.withdrawals import Withdrawals
from model_worker.settings import Settings
from model_worker.study.definition import study_folders
from tracestore.errors import TraceStoreError
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

log = logging.getLogger(__name__)

ALIVE_FILE = Path(tempfile.gettempdir()) / "model-worker-alive"
"""File touched at every poll; the image's health check reads its age."""

_LOOK_MILLISECONDS = 1000
_SETTLE_MILLISECONDS = 400
_PATIENCE = timedelta(seconds=1)
"""Time that a poll waits for a study that is being published; the next poll tries again."""


def watch_studies(settings: Settings, stop: Event) -> int:
    """Reconcile the studies now, on every change of their files, and every `refit_interval` seconds.

    Fits run in a separate process, and the reconciler in a separate thread. The calling thread therefore
    handles signals and added or removed folders at once.

    Parameters
    ----------
    settings
        Directories of the studies and of the store, and the settings of a fit.
    stop
        Event that ends the watching; signals set the one from `end_on_signals`.

    Returns
    -------
    int
        The exit code: 0 after `stop`, 1 if the store cannot be written or the fitting thread died.
        On return, no write is in progress and none will follow. A thread may still be reading; the
        process should end without waiting for it.
    """
    publisher = Publisher(settings.traces_dir)
    writer = StoreWriter(publisher)
    store = TraceStore(settings.traces_dir)
    fitting = FittingProcess(stop)
    reconciler = Reconciler(settings, store, writer, stop, fitting.fit)
    try:
        for path in publisher.clean_leftovers():
            log.info("removed the unfinished %s", path)
        reconciler.announce()
    except TraceStoreError as error:
        log.error("%s", error)
        return 1
    if not study_folders(settings.studies_dir):
        log.info("no study in %s yet; add a folder with a study.toml and its data", settings.studies_dir)
    wake = Event()
    thread = Thread(
        target=_keep_reconciling, args=(reconciler, settings, wake, stop), name="fits", daemon=True
    )
    thread.start()
    log.info("watching %s", settings.studies_dir)
    withdrawals = Withdrawals(settings, store, Publisher(settings.traces_dir, _PATIENCE))
    alive = _follow(settings.studies_dir, withdrawals, wake, stop, thread)
    stop.set()
    fitting.end()
    writer.shut()
    log.info("stopped")
    return 0 if alive else 1


def end_on_signals() -> Event:
    """Return an event that SIGTERM and SIGINT set from now on."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _follow(studies_dir: Path, withdrawals: Withdrawals, wake: Event, stop: Event, thread: Thread) -> bool:
    """Wake the fitting thread when files or withdrawals change; return False if the thread has died."""
    before: object = None
    refused = ""
    # Events only speed up detection: on a mount without events, the poll once a second finds the change.
    for _ in watchfiles.watch(
        studies_dir,
        stop_event=stop,
        rust_timeout=_LOOK_MILLISECONDS,
        debounce=_SETTLE_MILLISECONDS,
        yield_on_timeout=True,
        # An unreadable folder is reported as that study's fault; the other folders are still watched.
        ignore_permission_denied=True,
        raise_interrupt=False,
    ):
        if not thread.is_alive():
            log.error("the fitting thread ended unexpectedly")
            return False
        ALIVE_FILE.touch()
        try:
            folders = study_folders(studies_dir)
        except OSError as error:
            # The state of every folder is unknown, so none counts as gone.
            if refused != str(error):
                refused = str(error)
                log.error("%s cannot be listed: %s", studies_dir, error.strerror)
            continue
        refused = ""
        now = (snapshot(folders), withdrawals.follow({folder.name for folder in folders}))
        if now != before:
            before = now
            wake.set()
    return True


def snapshot(folders: Iterable[Path]) -> tuple[tuple[str, int, int, int], ...]:
    """Return path, inode, modification time and size of the studies' files; vanished files are omitted."""
    found = []
    for folder in folders:
        try:
            for path in folder.iterdir():
                entry = path.stat()
                found.append((str(path), entry.st_ino, entry.st_mtime_ns, entry.st_size))
        except OSError:
            continue
    return tuple(sorted(found))


def _keep_reconciling(reconciler: Reconciler, settings: Settings, wake: Event, stop: Event) -> None:
    interval = settings.refit_interval or None
    due = monotonic() + interval if interval else None
    while not stop.is_set():
        wake.clear()
        reconciler.reconcile()
        wake.wait(None if due is None else max(0.0, due - monotonic()))
        if due is not None and interval is not None and monotonic() >= due:
            due = monotonic() + interval
            reconciler.forget()
