"""Who is let in when a replica has as many sessions as it may, and clients that take nothing are let go.

New pages are refused at SESSIONS_MAX. Pages that are open somewhere and come back over their websocket,
because their replica ended, are let in up to `RETURNING_FACTOR` times that: they must find a place where
half of the replicas are gone, and the memory limit of the container leaves room for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPConnection

FULL_STATUS = 529
"""The status of a refusal between replica and proxy. The proxy tries other replicas at once on it, and not
patiently as on 503, and if they are full as well it gives readers a page with status 503."""

RETURNING_FACTOR = 2

COOKIE = "longitude"
"""The proxy's cookie, which binds a visitor to a replica (compose.yaml)."""

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

    def admits_new(self, sessions: Iterable[object]) -> bool:
        """Say whether one more page may be made."""
        return self._count(sessions) < self.limit

    def admits_returning(self, sessions: Iterable[object]) -> bool:
        """Say whether a page that lost its replica may have its session here."""
        return self._count(sessions) < RETURNING_FACTOR * self.limit

    def _count(self, sessions: Iterable[object]) -> int:
        return sum(1 for _ in sessions) + self.arriving


def let_go(connection: HTTPConnection | None) -> None:
    """Close a connection without waiting for what it has not taken."""
    if isinstance(connection, HTTP1Connection) and connection.stream is not None:
        connection.stream.close()
