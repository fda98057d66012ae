"""Whose page is made next: a few at a time, the last to come first, and none that nobody waits for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest

PAGES_AT_A_TIME = 2
"""Pages that are made at a time. More of them would take processor time from each other and from the event
loop, and would all be done late instead of some in time."""


class Turns:
    """So many places, of which one is had as an asynchronous context, one after the other.

    Who came last has the next turn. Where more is asked for than can be done, everybody waits as long as
    they have patience if the first to come is first, and gets an answer that is no longer waited for; this
    way those who come are answered at once as far as there is time, and the others leave.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._pass_on()
            elif turn in self._waiting:
                self._waiting.remove(turn)
            raise

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.pop()
            # Who has just left may not have had the time to say so.
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


turns = Turns(PAGES_AT_A_TIME)


class VisitorLeft(Exception):
    """Who asked for a page has not waited for it."""


@asynccontextmanager
async def take_turn(is_wanted: Callable[[], bool]) -> AsyncIterator[None]:
    """Wait for a turn to make a page, and have it for as long as the context lasts.

    Where more is asked for than can be made, the proxy asks another replica after a while: what it does not
    wait for any more is not made, or a replica that is behind would never catch up.

    Raises
    ------
    VisitorLeft
        When the page is not wanted any more once its turn has come.
    """
    async with turns:
        if not is_wanted():
            raise VisitorLeft
        yield


def is_waited_for(request: HTTPServerRequest) -> bool:
    """Say whether the connection that a request came over is still open."""
    connection = request.connection
    stream = connection.stream if isinstance(connection, HTTP1Connection) else None
    return stream is None or not stream.closed()
