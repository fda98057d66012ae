"""The studies of the store, followed by one thread."""

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from dashboard.catalogue.entries import Entry, Published, Snapshot, choose_front, summarize
from dashboard.catalogue.version_cache import RETRY_SECONDS, VersionCache
from dashboard.copies import Shared
from dashboard.versions import LoadedVersion
from tracestore.errors import NothingPublished, TraceStoreError
from tracestore.manifest import Current
from tracestore.stamps import Stamp
from tracestore.store import TraceStore

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
NOTHING_READ = Stamp(None, None, None)


@dataclass
class _Followed:
    """A study as it was read last."""

    entry: Entry
    stamp: Stamp = NOTHING_READ
    troubles: dict[str, str] = field(default_factory=dict)
    loading: Future[LoadedVersion] | None = None
    """A version that is loaded before it is named, because the one served is in memory."""
    retry_at: float = math.inf

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self.retry_at or (self.loading is not None and self.loading.done())


class Catalogue(Shared):
    """Follows a trace store: which studies there are, what is served of each, what the worker does.

    A poll looks at the stamps of all studies and reads those that changed. `snapshot` is replaced as a whole,
    never changed, so any thread may read it. Withdrawn studies are not in it.

    Parameters
    ----------
    versions
        The versions in memory. Where one that is served is among them, the next one is loaded before the
        snapshot names it, so that open pages can show it at once.
    default_study
        The study of an address without one.

    Attributes
    ----------
    snapshot
        The studies as they were at the last poll.
    has_read
        Whether the store was read at least once.
    """

    def __init__(self, store: TraceStore, versions: VersionCache, default_study: str | None = None) -> None:
        self.snapshot, self.has_read = Snapshot(), False
        self._store, self._versions, self._default_study = store, versions, default_study
        self._followed: dict[str, _Followed] = {}
        self._listener: Callable[[Snapshot], None] | None = None
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def poll(self) -> Snapshot:
        """Look at the store once, and announce what changed."""
        before = self.snapshot
        try:
            entries, trouble = self._read_studies(), None
            self.has_read = True
        except (OSError, TraceStoreError) as error:
            entries, trouble = before.entries, f"The trace store cannot be read: {error}."
            if trouble != before.trouble:
                log.error("%s", trouble)
        if (entries, trouble) != (before.entries, before.trouble):
            after = Snapshot(entries, trouble)
            self.snapshot = after = replace(after, front=choose_front(after, self._default_study))
            if self._listener is not None:
                self._listener(after)
        return self.snapshot

    def start(self, listener: Callable[[Snapshot], None]) -> None:
        """Poll from a thread of its own from now on; `listener` is called there after every change."""
        self._listener = listener
        self._thread = threading.Thread(target=self._follow, name="catalogue", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        while not self._stopped.is_set():
            self.poll()
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()

    def _read_studies(self) -> tuple[Entry, ...]:
        # That the record is there is enough: a damaged one withdraws too.
        listed = {name: stamp for name, stamp in self._store.stamps().items() if stamp.withdrawn is None}
        for name in self._followed.keys() - listed.keys():
            log.info("study %s: withdrawn", name)
            del self._followed[name]
        return tuple(self._read_study(name, stamp) for name, stamp in listed.items())

    def _read_study(self, name: str, stamp: Stamp) -> Entry:
        followed = self._followed.setdefault(name, _Followed(Entry(name)))
        before, followed.stamp = followed.stamp, stamp
        due = followed.is_due
        if due or stamp.status != before.status:
            self._read_status(followed)
        if due or stamp.current != before.current:
            self._read_pointer(followed)
        if due or stamp != before:
            trouble = " ".join(followed.troubles.values()) or None
            if trouble is not None and trouble != followed.entry.trouble:
                log.error("study %s: %s", name, trouble)
            followed.entry = replace(followed.entry, trouble=trouble)
            followed.retry_at = math.inf if trouble is None else time.monotonic() + RETRY_SECONDS
        return followed.entry

    def _read_status(self, followed: _Followed) -> None:
        followed.troubles.pop("status", None)
        try:
            status = self._store.status(followed.entry.name)
            followed.entry = replace(followed.entry, status=status)
        except Exception as error:  # noqa: BLE001  one study must not end the following of all
            followed.troubles["status"] = f"What the worker is doing cannot be read: {_explain(error)}."

    def _read_pointer(self, followed: _Followed) -> None:
        followed.loading = None
        followed.troubles.pop("pointer", None)
        try:
            followed.entry = self._follow_pointer(followed, self._store.current(followed.entry.name))
        except NothingPublished:
            if followed.entry.published is not None:
                lost = "The trace store no longer names a published version of this study."
                followed.troubles["pointer"] = lost
        except Exception as error:  # noqa: BLE001
            followed.troubles["pointer"] = f"The published version cannot be read: {_explain(error)}."

    def _follow_pointer(self, followed: _Followed, pointer: Current) -> Entry:
        """Return the entry as the pointer has it, or as it was while the version named cannot be had."""
        entry = followed.entry
        name, shown = entry.name, entry.published
        if shown is not None and shown.version == pointer.version:
            return replace(entry, previous=pointer.previous)
        failure = self._versions.failure(name, pointer.version)
        # A link may have asked for the version before it was published.
        failed = failure is not None and not failure.is_missing
        if shown is not None and (failed or self._versions.held(name, shown.version) is not None):
            loading = self._versions.request(name, pointer.version)
            if not loading.done():
                followed.loading = loading
                loading.add_done_callback(lambda _: self._wake.set())
                return entry
            if (fault := loading.exception()) is not None:
                unshown = f"Version {pointer.version}, which was published since, cannot be shown"
                followed.troubles["pointer"] = f"{unshown}: {fault}"
                return entry
        published, previous = self._find_readable(followed, pointer)
        if shown is not None:
            log.info("study %s: version %s is served now", name, published.version)
        return replace(entry, published=published, previous=previous)

    def _find_readable(self, followed: _Followed, pointer: Current) -> tuple[Published, str | None]:
        """Summarize the version named; the one before where its manifest is damaged and none is shown."""
        name = followed.entry.name
        try:
            return summarize(self._store.manifest(name, pointer.version)), pointer.previous
        except TraceStoreError as error:
            if followed.entry.published is not None or pointer.previous is None:
                raise
            published = summarize(self._store.manifest(name, pointer.previous))
            followed.troubles["pointer"] = f"The published version cannot be read: {error}."
            return published, None


def _explain(error: Exception) -> str:
    if not isinstance(error, TraceStoreError):
        log.error("a study cannot be followed", exc_info=error)
    return str(error) or type(error).__name__
