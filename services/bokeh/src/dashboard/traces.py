"""The volume as this process knows it: loaded versions, followed by one thread, shared by all sessions."""

import logging
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from dashboard.copies import Shared
from dashboard.versions import LoadedVersion, load_version
from tracestore.errors import NothingPublished, TraceCorrupt, TraceStoreError, VersionMissing
from tracestore.manifest import Status
from tracestore.store import TraceStore

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
RETRY_SECONDS = 10.0
"""How long a version that could not be read is left alone: hashing it again at every look costs more."""

VERSIONS_KEPT = 4
"""Versions that no page shows and that are not current, kept for links that name them."""


@dataclass(frozen=True)
class StudyNow:
    """One study at one moment: what is served, what the worker does, what could not be read."""

    name: str
    current: LoadedVersion | None = None
    status: Status | None = None
    trouble: str | None = None

    @property
    def title(self) -> str:
        """The study's title, as far as it is known."""
        if self.current is not None:
            return self.current.manifest.study.title
        return self.status.title if self.status is not None else self.name


@dataclass(frozen=True)
class Shelf:
    """All studies at one moment, sorted by name; `trouble` when the volume itself cannot be read."""

    studies: tuple[StudyNow, ...] = ()
    trouble: str | None = None

    def find(self, study: str | None) -> StudyNow | None:
        """Give a study by name, or None."""
        return next((now for now in self.studies if now.name == study), None)


@dataclass
class _Failure:
    version: str
    sentence: str
    since: float = field(default_factory=time.monotonic)


class TraceCache(Shared):
    """Follows a trace store and holds what it publishes.

    `shelf` is replaced as a whole, never changed, so any thread may read it. Versions are held strongly
    while they are current or shown by a page, and a few more for links that name older ones.
    """

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._shelf = Shelf()
        self._loaded: weakref.WeakValueDictionary[tuple[str, str], LoadedVersion] = (
            weakref.WeakValueDictionary()
        )
        self._asked_for: OrderedDict[tuple[str, str], LoadedVersion] = OrderedDict()
        self._failures: dict[str, _Failure] = {}
        self._lock = threading.Lock()
        self._listener: Callable[[Shelf], None] | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def shelf(self) -> Shelf:
        """The volume as it was at the last poll."""
        return self._shelf

    def held(self, study: str, version: str) -> LoadedVersion | None:
        """Give a version if it is in memory; never touches the volume."""
        return self._loaded.get((study, version))

    def fetch(self, study: str, version: str) -> LoadedVersion:
        """Give a version, reading and verifying it if it is not in memory. Blocks: not for the event loop.

        Raises
        ------
        VersionMissing
            When the store has no such version.
        TraceCorrupt
            When it has one that is not what its manifest says.
        """
        with self._lock:
            loaded = self.held(study, version)
            if loaded is None:
                verified = self._store.verified(study, version)
                loaded = load_version(verified.manifest, verified.trace)
                self._loaded[study, version] = loaded
            self._asked_for[study, version] = loaded
            self._asked_for.move_to_end((study, version))
            while len(self._asked_for) > VERSIONS_KEPT:
                self._asked_for.popitem(last=False)
            return loaded

    def poll(self) -> Shelf:
        """Look at the volume once, load what is newly current, and announce what changed."""
        before = self._shelf
        try:
            after = Shelf(tuple(self._look(study) for study in self._store.studies()))
        except (OSError, TraceStoreError) as error:
            after = Shelf(before.studies, trouble=f"The trace store cannot be read: {error}.")
            if after.trouble != before.trouble:
                log.error("%s", after.trouble)
        if after != before:
            self._shelf = after
            if self._listener is not None:
                self._listener(after)
        return after

    def start(self, listener: Callable[[Shelf], None]) -> None:
        """Poll from a thread of its own from now on; `listener` is called there after every change."""
        self._listener = listener
        self._thread = threading.Thread(target=self._follow, name="trace-cache", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            self.poll()

    def _look(self, study: str) -> StudyNow:
        before = self._shelf.find(study) or StudyNow(study)
        troubles: list[str] = []
        status = before.status
        try:
            status = self._store.status(study)
        except (OSError, TraceCorrupt) as error:
            troubles.append(f"What the worker is doing cannot be read: {error}.")
        current = before.current
        try:
            current = self._load_current(study)
        except NothingPublished:
            if current is not None:
                troubles.append("The trace store no longer names a published version of this study.")
        except (OSError, TraceCorrupt, VersionMissing) as error:
            troubles.append(f"The published version cannot be read: {error}.")
        trouble = " ".join(troubles) or None
        if trouble is not None and trouble != before.trouble:
            log.error("study %s: %s", study, trouble)
        return StudyNow(study, current, status, trouble)

    def _load_current(self, study: str) -> LoadedVersion:
        version = self._store.current(study).version
        loaded = self.held(study, version)
        if loaded is not None:
            return loaded
        failure = self._failures.get(study)
        if (
            failure is not None
            and failure.version == version
            and time.monotonic() - failure.since < RETRY_SECONDS
        ):
            raise TraceCorrupt(failure.sentence)
        try:
            loaded = self.fetch(study, version)
        except (OSError, TraceCorrupt, VersionMissing) as error:
            self._failures[study] = _Failure(version, str(error))
            raise
        self._failures.pop(study, None)
        log.info("study %s: serving version %s", study, version)
        return loaded
