"""What one address may have of a replica, at a time and over time: who asks for more waits, and nobody else.

An office, a lecture hall, or all readers behind another proxy are one address, so nobody is refused here
for coming with many. What is asked for is counted in the processor time that it takes.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache

from dashboard.allowance import Allowance, charging
from dashboard.turns import Turns

CHANGES_AT_A_TIME = 2
"""Of one address at one replica. They share the interpreter with those of others: more of them would be
none the faster."""

HOLD_SECONDS = 5.0
"""After which a change holds its place no longer: another one of its address may have what it waits for."""

SESSION_SHARE = 0.01
"""Of a processor, that an address may have for each session that is open there: a reader who changes
something every two seconds takes less."""

PATIENCE_SECONDS = 2.0
"""How long an answer may wait before it is told as too much; the proxy waits for one second more."""

ADDRESSES_MAX = 4_096
"""That are remembered; the one that was not heard of for longest is forgotten first."""


class TooMuch(Exception):
    """An address asks for more than can be answered before its client gives up."""


class Place:
    """One of the places of an address, until it is left."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places
        self._end = asyncio.get_running_loop().call_later(HOLD_SECONDS, self.leave)

    def leave(self) -> None:
        """Let another have it; again does nothing."""
        if self._places is not None:
            self._places.release()
            self._places = None
            self._end.cancel()


class Address:
    """What an address has at this replica.

    Attributes
    ----------
    pages
        Its turn to have a page made, one at a time, so that the pages of others are not behind all of its.
    changes
        Its turns for all else.
    allowance
        What it may have over time.

    Parameters
    ----------
    share
        Of a processor, that it may have on and on, without a session that is open.
    present
        Of all addresses, those that have a websocket open.
    """

    def __init__(self, share: float, present: set["Address"]) -> None:
        self._present = present
        self.pages = Turns(1)
        self.changes = asyncio.Semaphore(CHANGES_AT_A_TIME)
        self.allowance = Allowance(share)
        self._sessions: Counter[str] = Counter()

    def open_socket(self, session_id: str) -> None:
        """Know of one more websocket; several of one session are one reader."""
        self._sessions[session_id] += 1
        self._present.add(self)
        self.allowance.widen(SESSION_SHARE * len(self._sessions))

    def close_socket(self, session_id: str) -> None:
        """Know of one less."""
        self._sessions -= Counter([session_id])
        if not self._sessions:
            self._present.discard(self)
        self.allowance.widen(SESSION_SHARE * len(self._sessions))

    async def take_place(self) -> Place:
        """Wait for a place to make a change; who came first has it first.

        The messages of a websocket are taken one after the other, so one that waits here makes its sender
        wait too, and nothing piles up.
        """
        await self.changes.acquire()
        return Place(self.changes)

    @asynccontextmanager
    async def answering(self, turns: Turns | asyncio.Semaphore) -> AsyncIterator[None]:
        """Have a turn, and what is done counted, for as long as the context lasts.

        Raises
        ------
        TooMuch
            When it would come too late.
        """
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await held.enter_async_context(turns)
                    await self.allowance.wait()
            except TimeoutError:
                raise TooMuch from None
            with charging(self.allowance):
                yield


class Addresses:
    """The addresses that were heard of lately.

    Parameters
    ----------
    share
        Of a processor, that each may have on and on, without a session that is open.
    """

    def __init__(self, share: float) -> None:
        self._present: set[Address] = set()
        self._find: Callable[[str], Address] = lru_cache(ADDRESSES_MAX)(
            lambda _address: Address(share, self._present)
        )

    def find(self, address: str | None) -> Address:
        """Find an address, or begin to remember it."""
        return self._find(address or "")

    def count_present(self) -> int:
        """Count those that have a websocket open; on any thread."""
        return len(self._present)
