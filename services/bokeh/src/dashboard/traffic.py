"""What is going on right now in this process, for whoever waits until it is over."""

from dataclasses import dataclass, field
from typing import Protocol


class Socket(Protocol):
    """An open websocket that can be closed."""

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close it with a code of RFC 6455 and its reason."""


@dataclass
class Traffic:
    """Open websockets, pages and files being answered, and whether no websocket is taken any more."""

    sockets: set[Socket] = field(default_factory=set)
    pages: int = 0
    closing: bool = False


traffic = Traffic()
