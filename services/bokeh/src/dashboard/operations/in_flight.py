"""Requests, pages and websockets under way in this process, for the drain that waits until they end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

FIRST_SOCKET_SECONDS = 2.0
"""Time after a page in which its first websocket is expected; a browser opens it in a fraction of that."""


class Socket(Protocol):
    """An open websocket that can be closed."""

    @property
    def is_settled(self) -> bool:
        """Return whether the page can be moved to another replica without losing its document."""

    async def close(self, code: int, reason: str) -> None:
        """Close it with a code of RFC 6455 and a reason."""


@dataclass
class InFlight:
    """Visitors' requests and websockets that are not over."""

    sockets: dict[Socket, None] = field(default_factory=dict)
    """Open websockets, in the order in which they were opened."""
    requests: int = 0
    closing: bool = False
    """True once websockets are being closed, and only first websockets of pages are accepted."""
    over: bool = False
    """True once the process is about to end, and no page is made any more."""
    _handed_out: dict[str, float] = field(default_factory=dict, repr=False)

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request that is being answered."""
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    def expect_socket(self, session: str) -> None:
        """Expect the first websocket of a page that is handed out now."""
        self._forget_late()
        self._handed_out[session] = time.monotonic()

    def expects(self, session: str) -> bool:
        """Return whether a session's page was handed out just now and has had no websocket yet."""
        self._forget_late()
        return session in self._handed_out

    @contextmanager
    def socket(self, session: str, socket: Socket) -> Iterator[None]:
        """Count an open websocket of a session."""
        self._handed_out.pop(session, None)
        self.sockets[socket] = None
        try:
            yield
        finally:
            del self.sockets[socket]

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is under way, not even a page whose websocket may still come."""
        self._forget_late()
        return not (self.requests or self.sockets or self._handed_out)

    def _forget_late(self) -> None:
        since = time.monotonic() - FIRST_SOCKET_SECONDS
        for session in [one for one, moment in self._handed_out.items() if moment < since]:
            del self._handed_out[session]
