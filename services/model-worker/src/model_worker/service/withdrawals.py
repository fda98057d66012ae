"""Withdrawal of studies whose folder is gone, restoration when it returns, removal after retention."""

import logging
from collections.abc import Callable, Collection
from time import monotonic

from model_worker.settings import Settings
from tracestore.errors import TraceCorrupt, TraceStoreError
from tracestore.manifest import Withdrawal
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

log = logging.getLogger(__name__)

GONE_SECONDS = 2.0
"""Time a folder must be gone before its study is withdrawn; a replaced folder is gone for a moment."""

REMOVAL_SECONDS = 60.0
"""Interval between checks for withdrawn studies that are old enough to be removed."""


class Withdrawals:
    """Withdrawals that follow the existing folders; manual withdrawals are never restored here.

    Parameters
    ----------
    settings
        Retention of withdrawn studies, and the studies' directory as named in the log.
    store, publisher
        Store from which withdrawals are read, and publisher that writes them.
    clock
        Monotonic clock in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        store: TraceStore,
        publisher: Publisher,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._settings, self._store, self._publisher, self._clock = settings, store, publisher, clock
        self._gone_since: dict[str, float] = {}
        self._removal_due = clock() + GONE_SECONDS
        self._told: dict[str, str] = {}

    def follow(self, folders: Collection[str]) -> frozenset[str]:
        """Withdraw studies without a folder, restore those whose folder is back, remove old ones.

        Parameters
        ----------
        folders
            Names of all folders in the studies' directory.

        Returns
        -------
        frozenset of str
            Names of the studies that were withdrawn before this call.
        """
        now = self._clock()
        try:
            stamps = self._store.stamps()
        except TraceCorrupt as error:
            self._tell("", error)
            return frozenset()
        withdrawn = frozenset(name for name, stamp in stamps.items() if stamp.withdrawn is not None)
        there = set(folders)
        self._gone_since = {name: self._gone_since.get(name, now) for name in stamps if name not in there}
        gone = {name for name, since in self._gone_since.items() if now - since >= GONE_SECONDS}
        for name in sorted(gone - withdrawn):
            self._attempt(name, self._withdraw)
        for name in sorted(withdrawn & there):
            self._attempt(name, self._restore)
        if now >= self._removal_due:
            self._removal_due = now + REMOVAL_SECONDS
            # A manually withdrawn study with a folder stays: after its removal it would be fitted again.
            for name in sorted(withdrawn & gone):
                self._attempt(name, self._remove)
        return withdrawn

    def _withdraw(self, study: str) -> None:
        self._publisher.withdraw(study, "folder")
        log.warning(
            "withdrawn, because %s is not there any more; with the folder back within %d days it is served"
            " again as it was",
            self._settings.studies_dir / study,
            self._settings.retention_days,
            extra={"study": study},
        )

    def _restore(self, study: str) -> None:
        found = self._store.withdrawal(study)
        if found is not None and found.reason == "folder":
            self._publisher.restore(study)
            log.info("restored: its folder is back", extra={"study": study})

    def _remove(self, study: str) -> None:
        if self._publisher.remove_withdrawn(study, self._settings.retention_ttl):
            days = self._settings.retention_days
            log.info("removed: it was withdrawn more than %d days ago", days, extra={"study": study})

    def _attempt(self, study: str, act: Callable[[str], None]) -> None:
        try:
            act(study)
        except TraceStoreError as error:
            self._tell(study, error)
        else:
            self._told.pop(study, None)

    def _tell(self, study: str, error: TraceStoreError) -> None:
        """Log an error of a study, unless it equals the study's last logged error."""
        if self._told.get(study) != str(error):
            self._told[study] = str(error)
            log.error("%s", error, extra={"study": study or "model-worker"})


def held_back(store: TraceStore, study: str) -> Withdrawal | None:
    """Return the withdrawal of a study that was withdrawn by hand and must not be fitted, or None.

    Raises
    ------
    TraceCorrupt
        If the record cannot be read.
    """
    found = store.withdrawal(study)
    return found if found is not None and found.reason == "command" else None
