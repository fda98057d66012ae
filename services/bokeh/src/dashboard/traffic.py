"""What is going on right now in this process, for whoever waits until it is over."""

import time
from dataclasses import dataclass, field
from typing import Protocol

FIRST_SOCKET_SECONDS = 2.0
"""How long after a page its first websocket is waited for; a browser opens it in a fraction of that."""


class Socket(Protocol):
    """An open websocket that can be closed."""

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close it with a code of RFC 6455 and its reason."""


@dataclass
class Traffic:
    """What visitors have under way.

    Attributes
    ----------
    sockets
        Open websockets.
    pages
        Pages and files being answered.
    closing
        Whether websockets are being closed, and none is taken any more but a page's first.
    over
        Whether the process is about to end, and no page is made any more.
    """

    sockets: set[Socket] = field(default_factory=set)
    pages: int = 0
    closing: bool = False
    over: bool = False
    _handed_out: dict[str, float] = field(default_factory=dict, repr=False)

    def hand_out(self, session: str) -> None:
        """Expect the first websocket of a page that is handed out now."""
        self._forget_late()
        self._handed_out[session] = time.monotonic()

    def expects(self, session: str) -> bool:
        """Say whether a session's page has just been handed out and has had no websocket yet."""
        self._forget_late()
        return session in self._handed_out

    def take(self, session: str) -> bool:
        """Expect a session's first websocket no more, which is there; say whether it was expected."""
        expected = self.expects(session)
        self._handed_out.pop(session, None)
        return expected

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way, not even a page whose websocket may still come."""
        self._forget_late()
        return not (self.pages or self.sockets or self._handed_out)

    def _forget_late(self) -> None:
        since = time.monotonic() - FIRST_SOCKET_SECONDS
        for session in [one for one, moment in self._handed_out.items() if moment < since]:
            del self._handed_out[session]


traffic = Traffic()
