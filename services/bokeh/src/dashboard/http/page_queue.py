"""The bounded queue of pages that are to be made."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

PAGES_AT_A_TIME = 2
"""Pages made concurrently. More would take processor time from each other and from the event loop."""

WAITING_MAX = 60
"""Pages that wait: less than the three seconds of work after which the proxy asks another replica."""


class QueueFull(Exception):
    """As many pages wait already as can be made in time."""


class ClientLeft(Exception):
    """The client has not waited for its page."""


class PageQueue:
    """Makes pages a few at a time, and refuses at once new ones that would be too late.

    Pages that come back take one of `turns` too; admission bounds their number.
    """

    def __init__(self, at_a_time: int = PAGES_AT_A_TIME, waiting_max: int = WAITING_MAX) -> None:
        self.turns = asyncio.Semaphore(at_a_time)
        self._room = at_a_time + waiting_max

    @asynccontextmanager
    async def turn(self, has_left: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
        """Wait for a turn to make a new page, and hold it for as long as the context lasts.

        Raises
        ------
        QueueFull
            No page may wait any more.
        ClientLeft
            The client has left before its turn came.
        """
        if not self._room:
            raise QueueFull
        self._room -= 1
        try:
            async with self.turns:
                if await has_left():
                    raise ClientLeft
                yield
        finally:
            self._room += 1
