"""The container's command: fit what is not published, then follow the studies directory until told to end."""

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
"""Touched at every look; the image's health check asks how long ago that was."""

_LOOK_MILLISECONDS = 1000
_SETTLE_MILLISECONDS = 400
_PATIENCE = timedelta(seconds=1)
"""How long a look waits for a study that is being published; the next look tries again."""


def watch_studies(settings: Settings, stop: Event) -> int:
    """Attend to the studies now, on every change of their files, and every `refit_interval` seconds.

    The fits run in a process of their own, and what attends to them in a thread, so that this one hears
    signals and sees folders come and go at once.

    Parameters
    ----------
    settings
        Where the studies and the store are, and how to fit.
    stop
        Ends the watching when it is set; `end_on_signals` sets it.

    Returns
    -------
    int
        The exit code: 0 after `stop`, 1 when the store cannot be written or the fitting thread died.
        On return nothing is half written and nothing will be written any more, though a thread may
        still read: the process should end without waiting for it.
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
    """Give an event that SIGTERM and SIGINT set from now on."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _follow(studies_dir: Path, withdrawals: Withdrawals, wake: Event, stop: Event, thread: Thread) -> bool:
    """Wake the fitting thread when files or withdrawals differ from before; say whether it lives."""
    before: object = None
    refused = ""
    # Events only hasten the look: where a mount passes none on, the look once a second sees the change.
    for _ in watchfiles.watch(
        studies_dir,
        stop_event=stop,
        rust_timeout=_LOOK_MILLISECONDS,
        debounce=_SETTLE_MILLISECONDS,
        yield_on_timeout=True,
        # A folder that cannot be read is one study's fault, and told as such; the others are followed.
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
            # Nothing is known of any folder, so none counts as gone.
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
    """Give path, inode, time of change and size of every file of the studies; what vanishes is left out."""
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
