"""The versions in memory: loaded when somebody looks, and bounded in bytes whatever is published."""

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from dashboard.catalogue.trace_file import load_version, measure_version
from dashboard.copies import Shared
from dashboard.versions import LoadedVersion
from tracestore.errors import TraceStoreError, VersionMissing
from tracestore.store import TraceStore

log = logging.getLogger(__name__)

LOADS_AT_ONCE = 2
RETRY_SECONDS = 10.0
"""Time for which a version that could not be loaded is left alone: hashing it at every visit costs more."""

RELIEF_SECONDS = 2.0
"""The same where other pages take the memory: sessions that nobody has open end within that time."""

FAILURES_KEPT = 1_000
MEBIBYTE = 1_048_576

Key = tuple[str, str]


class VersionUnavailable(TraceStoreError):
    """A version cannot be had; the message is a sentence for readers.

    One that `is_passing` may be there once other pages are closed; else its file is damaged or too large.
    """

    def __init__(self, message: str, *, is_passing: bool = False, is_missing: bool = False) -> None:
        super().__init__(message)
        self.is_passing, self.is_missing = is_passing, is_missing

    @property
    def retry_seconds(self) -> float:
        """Return the time after which it is worth to ask again."""
        return RELIEF_SECONDS if self.is_passing or self.is_missing else RETRY_SECONDS

    def copy(self) -> "VersionUnavailable":
        """Return another one to raise; one that is kept would keep the frames that it passed."""
        return VersionUnavailable(str(self), is_passing=self.is_passing, is_missing=self.is_missing)


@dataclass
class _Kept:
    """A version with what was made of it, and a lock for each kind of thing that is being made."""

    version: LoadedVersion
    made: dict[Hashable, Any] = field(default_factory=dict)
    locks: dict[Hashable, threading.Lock] = field(default_factory=dict)


class VersionCache(Shared):
    """Loads versions and keeps the least recently used within a budget of bytes.

    Every version that is alive counts: those kept here, those that open pages hold, and those being loaded.
    A page that holds its version is what keeps it in memory; nothing of it has to be given back.

    The files of a version are checked by size and hash before any of them is read.

    Attributes
    ----------
    memory_bytes
        The budget.
    aside
        A thread for work of a second or two on a version, so that pages find others.
    """

    def __init__(self, store: TraceStore, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self._store = store
        self._alive: WeakValueDictionary[Key, LoadedVersion] = WeakValueDictionary()
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._reserved: dict[Key, int] = {}
        self._loading: dict[Key, Future[LoadedVersion]] = {}
        self._failures: OrderedDict[Key, tuple[VersionUnavailable, float]] = OrderedDict()
        self._lock = threading.RLock()
        self._loaders = ThreadPoolExecutor(LOADS_AT_ONCE, thread_name_prefix="version")
        self.aside = ThreadPoolExecutor(1, thread_name_prefix="aside")
        self._prepare: Callable[[LoadedVersion], object] | None = None
        self._relieve: Callable[[], object] = lambda: None
        self._listeners: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self._alive)

    def __iter__(self) -> Iterator[LoadedVersion]:
        return iter(list(self._alive.values()))

    @property
    def used_bytes(self) -> int:
        """Return the bytes of all versions that are alive or being loaded."""
        with self._lock:
            return sum(version.nbytes for version in self) + sum(self._reserved.values())

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` on a loading thread whenever a version was loaded or could not be."""
        self._listeners.append(listener)

    def prepare_with(self, make: Callable[[LoadedVersion], object]) -> None:
        """Derive this of every version right after it was loaded, before anybody is told of it."""
        self._prepare = make

    def relieve_with(self, relieve: Callable[[], object]) -> None:
        """Call `relieve` on a loading thread where there is no room; it ends sessions nobody has open."""
        self._relieve = relieve

    def close(self) -> None:
        """End the threads, and drop all but what pages hold; loads that have not begun are never done."""
        for threads in (self._loaders, self.aside):
            threads.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._kept.clear()

    def held(self, study: str, version: str) -> LoadedVersion | None:
        """Return a version if it is in memory; never touches the store."""
        with self._lock:
            if (study, version) in self._kept:
                self._kept.move_to_end((study, version))
            return self._alive.get((study, version))

    def failure(self, study: str, version: str) -> VersionUnavailable | None:
        """Return why a version could not be loaded the last time; None where it could, or nobody asked."""
        return self._failures.get((study, version), (None, 0.0))[0]

    def is_loading(self, study: str, version: str) -> bool:
        """Return whether a version is being loaded."""
        return (study, version) in self._loading

    def request(self, study: str, version: str) -> Future[LoadedVersion]:
        """Begin to load a version that is not in memory; a failed one is tried again after a while.

        Returns
        -------
        Future
            Of the version, or with a `VersionUnavailable`; the same for all who ask while it is being loaded.
        """
        key, future = (study, version), Future[LoadedVersion]()
        # A caller that stops waiting must not cancel it for the others.
        future.set_running_or_notify_cancel()
        with self._lock:
            held = self.held(study, version)
            if held is not None:
                future.set_result(held)
                return future
            if key in self._loading:
                return self._loading[key]
            failure, since = self._failures.get(key, (None, -math.inf))
            if failure is not None and time.monotonic() - since < failure.retry_seconds:
                future.set_exception(failure.copy())
                return future
            self._loading[key] = future
        self._loaders.submit(self._load, key, future)
        return future

    def derive[T](self, version: LoadedVersion, make: Callable[[LoadedVersion], T]) -> T:
        """Return what `make` makes of a version: once, and dropped with the version's place in the cache.

        Blocks while it is being made: not for the event loop. `count_bytes` has to include it.
        """
        kept = self._keep(version)
        with self._lock:
            lock = kept.locks.setdefault(make, threading.Lock())
        with lock:
            if make not in kept.made:
                kept.made[make] = make(version)
            made: T = kept.made[make]
            return made

    def _load(self, key: Key, future: Future[LoadedVersion]) -> None:
        version: LoadedVersion | None = None
        fault = VersionUnavailable("It could not be loaded.")
        try:
            version = self._read(key)
        except VersionUnavailable as error:
            fault = error.copy()
        except (OSError, TraceStoreError) as error:
            fault = VersionUnavailable(f"{error}.", is_missing=isinstance(error, VersionMissing))
        except Exception:
            log.exception("study %s: version %s could not be loaded", *key)
        if version is not None:
            log.info("study %s: version %s was loaded", *key)
            self._prepare_first(version)
        with self._lock:
            if version is None:
                self._remember(key, fault)
            del self._loading[key]
        if version is None:
            future.set_exception(fault)
        else:
            future.set_result(version)
        for listener in self._listeners:
            listener()

    def _read(self, key: Key) -> LoadedVersion:
        """Read a version, refused as early as its size is known, and never before its files were verified."""
        self._refuse_larger(measure_version(self._store.manifest(*key), by_unit=False))
        verified = self._store.verified(*key)
        try:
            version = load_version(verified.manifest, verified.trace, lambda size: self._reserve(key, size))
            with self._lock:
                self._alive[key] = version
                self._kept[key] = _Kept(version)
                self._failures.pop(key, None)
                self._reserved.pop(key, None)
        finally:
            self._reserved.pop(key, None)
        return version

    def _refuse_larger(self, size: int) -> None:
        if size > self.memory_bytes:
            needed, budget = math.ceil(size / MEBIBYTE), self.memory_bytes // MEBIBYTE
            raise VersionUnavailable(
                f"The draws of this version need {needed} MB of memory, and VERSIONS_MEMORY_MB allows "
                f"{budget} MB: set it to {needed} or more, with as much more memory for each replica, or fit "
                f"fewer draws."
            )

    def _reserve(self, key: Key, size: int) -> None:
        """Make room by dropping the least recently used versions; those that pages hold stay."""
        self._refuse_larger(size)
        while True:
            with self._lock:
                if self.used_bytes + size <= self.memory_bytes:
                    self._reserved[key] = size
                    return
                if not self._kept:
                    break
                _, dropped = self._kept.popitem(last=False)
            # Without the lock, which the event loop takes too: freeing a prepared page takes a while.
            del dropped
        self._relieve()
        raise VersionUnavailable(
            "The memory for versions is taken by the pages that are open now. This page tries again soon.",
            is_passing=True,
        )

    def _prepare_first(self, version: LoadedVersion) -> None:
        try:
            if self._prepare is not None:
                self.derive(version, self._prepare)
        except Exception:
            log.exception("study %s: a page could not be prepared", version.manifest.study.name)

    def _keep(self, version: LoadedVersion) -> _Kept:
        """Return the place of a version, which is made where only pages held it."""
        key = version.manifest.study.name, version.name
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.version is not version:
                kept = self._kept[key] = _Kept(version)
            self._kept.move_to_end(key)
            return kept

    def _remember(self, key: Key, fault: VersionUnavailable) -> None:
        if str(self.failure(*key)) != str(fault):
            # A link may name a version that was retired, and a visitor one that never was.
            level = logging.INFO if fault.is_missing else logging.ERROR
            log.log(level, "study %s: version %s cannot be loaded: %s", *key, fault)
        self._failures[key] = fault.copy(), time.monotonic()
        self._failures.move_to_end(key)
        while len(self._failures) > FAILURES_KEPT:
            self._failures.popitem(last=False)
