"""The bounded queue of pages that are to be made."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

PAGES_AT_A_TIME = 2
"""Pages made concurrently. More would take processor time from each other and from the event loop."""

WAITING_MAX = 100
"""Pages that wait: some three seconds of work, after which the proxy asks another replica."""


class QueueFull(Exception):
    """So many pages have come since that this one would be too late."""


class ClientLeft(Exception):
    """The client has not waited for its page."""


class PageQueue:
    """A queue in which the last to come is served first, and the first to come gives way where it is full.

    Where more is asked for than can be made, pages in the order of their arrival would all be late. This way
    those that come are made at once as far as there is time, and the others are asked of another replica.
    """

    def __init__(self, at_a_time: int = PAGES_AT_A_TIME, waiting_max: int = WAITING_MAX) -> None:
        self._free = at_a_time
        self._waiting_max = waiting_max
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self, has_left: Callable[[], Awaitable[bool]] | None = None) -> AsyncIterator[None]:
        """Wait for a turn, and hold it for as long as the context lasts.

        Raises
        ------
        QueueFull
            The queue has grown past its bound, and this page has waited longest.
        ClientLeft
            The client has left before its turn came.
        """
        await self._wait()
        try:
            if has_left is not None and await has_left():
                raise ClientLeft
            yield
        finally:
            self._release()

    async def _wait(self) -> None:
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= self._waiting_max:
            self._waiting.popleft().set_exception(QueueFull())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif not turn.cancelled() and turn.exception() is None:
                self._release()
            raise

    def _release(self) -> None:
        if self._waiting:
            self._waiting.pop().set_result(None)
        else:
            self._free += 1
