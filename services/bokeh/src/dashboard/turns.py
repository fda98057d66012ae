"""Whose page is made next: a few at a time, and none that nobody waits for any more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPServerRequest

PAGES_AT_A_TIME = 2
"""Pages that are made at a time. More of them would take processor time from each other and from the event
loop, and would all be done late instead of some in time."""

turns = asyncio.Semaphore(PAGES_AT_A_TIME)


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
