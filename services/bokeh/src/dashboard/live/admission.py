"""The number of sessions of a replica against its limit.

New pages are refused at SESSIONS_MAX. Pages that are open somewhere and come back over their websocket,
because their replica ended, are admitted up to `RETURNING_FACTOR` times that: they must find a place where
half of the replicas are gone, and the memory limit of the container has room for them.

The proxy picks replicas by their websockets, so one that is full of pages without any would be picked again
and again. Such a page gives its place to a new one after `UNOPENED_SECONDS`.
"""

import logging
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bokeh.server.session import ServerSession

log = logging.getLogger(__name__)

RETURNING_FACTOR = 2

UNOPENED_SECONDS = 5.0
"""Age at which a page without a websocket gives up its place. If it opens one after all, its session is made
anew from its address."""

LOG_SECONDS = 10.0
"""Time between two lines of the log that the replica is full; the proxy tries a full one several times."""


@dataclass
class Admission:
    """Sessions that are there or being made, and whether there may be one more."""

    limit: int
    """Sessions before new pages are refused."""
    _arriving: int = 0
    _logged_at: float = field(default=-math.inf, repr=False)

    @contextmanager
    def arriving(self) -> Iterator[None]:
        """Count a session that is being made."""
        self._arriving += 1
        try:
            yield
        finally:
            self._arriving -= 1

    def admits_new(self, sessions: Iterable[ServerSession]) -> bool:
        """Return whether one more page may be made; pages without a websocket may be ended for it."""
        if self._find_place(list(sessions)):
            return True
        if time.monotonic() - self._logged_at > LOG_SECONDS:
            self._logged_at = time.monotonic()
            log.info("new pages are refused: %d sessions, the most that SESSIONS_MAX allows", self.limit)
        return False

    def admits_returning(self, sessions: Iterable[ServerSession]) -> bool:
        """Return whether a page that lost its replica may have a session here."""
        return self._count(sessions) < RETURNING_FACTOR * self.limit

    def _find_place(self, sessions: list[ServerSession]) -> bool:
        needed = self._count(sessions) + 1 - self.limit
        if needed <= 0:
            return True
        unopened = sorted(
            filter(_is_unopened, sessions), key=lambda one: -one.milliseconds_since_last_unsubscribe
        )
        if len(unopened) < needed:
            return False
        for session in unopened[:needed]:
            session.request_expiration()
        return True

    def _count(self, sessions: Iterable[ServerSession]) -> int:
        return sum(map(_takes_place, sessions)) + self._arriving


def _takes_place(session: ServerSession) -> bool:
    return session.connection_count > 0 or not session.expiration_requested


def _is_unopened(session: ServerSession) -> bool:
    seconds = session.milliseconds_since_last_unsubscribe / 1000
    return not (session.connection_count or session.expiration_requested or session.expiration_blocked) and (
        seconds >= UNOPENED_SECONDS
    )
