"""Who is let in when a replica has as many sessions as it may, and clients that take nothing are let go.

New pages are refused at SESSIONS_MAX. Pages that are open somewhere and come back over their websocket,
because their replica ended, are let in up to `RETURNING_FACTOR` times that: they must find a place where
half of the replicas are gone, and the memory limit of the container leaves room for it.

The proxy picks replicas by their websockets, so one that is full of pages without any would be picked again
and again. Where such a page has had time to open its websocket, it gives its place to a new one.
"""

import logging
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bokeh.server.session import ServerSession
from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPConnection

log = logging.getLogger(__name__)

FULL_STATUS = 529
"""The status of a refusal between replica and proxy. The proxy tries other replicas at once on it, and not
patiently as on 503, and if they are full as well it gives readers a page with status 503."""

RETURNING_FACTOR = 2

COOKIE = "longitude"
"""The proxy's cookie, which binds a visitor to a replica (compose.yaml)."""

UNOPENED_SECONDS = 5.0
"""After which a page without a websocket gives its place away where there is no other. If it opens one after
all, it comes back like those that lost their replica."""

TELL_AGAIN_SECONDS = 10.0
"""How often the log is told that a replica is full."""

TAKE_SECONDS = 30.0
"""How long a client may take none of what was sent, before it is taken for gone."""

SEND_MAX_BYTES = 8 * 1_048_576
"""What may wait for one client; the largest message, an analyst's tab, is a quarter of it."""


@dataclass
class Admission:
    """The count of sessions of a replica against what it may have.

    Attributes
    ----------
    limit
        How many sessions it may have before new pages are refused.
    arriving
        Pages, and websockets that come back, which have no session yet.
    """

    limit: int
    arriving: int = 0
    _told_at: float = field(default=-math.inf, repr=False)

    def admits_new(self, sessions: Iterable[ServerSession]) -> bool:
        """Say whether one more page may be made; sessions that nobody uses may be ended for it."""
        if self._find_place(list(sessions)):
            return True
        # The proxy tries a full replica several times for each reader.
        if time.monotonic() - self._told_at > TELL_AGAIN_SECONDS:
            self._told_at = time.monotonic()
            log.info("pages are refused: all of %d places are taken", self.limit)
        return False

    def _find_place(self, present: list[ServerSession]) -> bool:
        needed = self._count(present) + 1 - self.limit
        if needed <= 0:
            return True
        unopened = sorted(
            filter(_is_unopened, present),
            key=lambda one: one.milliseconds_since_last_unsubscribe,
            reverse=True,
        )
        if len(unopened) < needed:
            return False
        for session in unopened[:needed]:
            session.request_expiration()
        return True

    def admits_returning(self, sessions: Iterable[ServerSession]) -> bool:
        """Say whether a page that lost its replica may have its session here."""
        return self._count(sessions) < RETURNING_FACTOR * self.limit

    def _count(self, sessions: Iterable[ServerSession]) -> int:
        return sum(map(_takes_place, sessions)) + self.arriving


def _takes_place(session: ServerSession) -> bool:
    """Say whether a session is more than one that is just about to end."""
    return session.connection_count > 0 or not session.expiration_requested


def _is_unopened(session: ServerSession) -> bool:
    """Say whether a session takes a place, and has had time for a websocket and has none."""
    seconds = session.milliseconds_since_last_unsubscribe / 1000
    return not (session.connection_count or session.expiration_requested or session.expiration_blocked) and (
        seconds >= UNOPENED_SECONDS
    )


@contextmanager
def staying(session: ServerSession) -> Iterator[None]:
    """Have a session stay that its reader comes back to, and that may have been about to end."""
    session.block_expiration()
    session._expiration_requested = False
    try:
        yield
    finally:
        session.unblock_expiration()


def let_go(connection: HTTPConnection | None) -> None:
    """Close a connection without waiting for what it has not taken."""
    if isinstance(connection, HTTP1Connection) and connection.stream is not None:
        connection.stream.close()
