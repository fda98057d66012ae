"""What one address may have of a replica, at a time and over time: who asks for more waits, and nobody else.

An office, a lecture hall, or all readers behind another proxy are one address, so what counts is not how
many come but the processor time that they take. A page that would come too late for that is refused with one
that tries again.
"""

import asyncio
import ipaddress
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import lru_cache

from dashboard.allowance import RETURNING, Allowance, charging
from dashboard.audience import Audience
from dashboard.company import Company
from dashboard.turns import Turns

CHANGES_AT_A_TIME = 2
"""Of one address at one replica. They share the interpreter with those of others: more of them would be
none the faster."""

RETURNS_AT_A_TIME = 2
"""Pages of an address that come back: one is on its way while another one is made."""

HOLD_SECONDS = 5.0
"""After which a change holds its place no longer: another one of its address may have what it waits for."""

NETWORK_BITS = 64
"""Of an address of IPv6 that are one client's: who has one has all that begin with them."""

PATIENCE_SECONDS = (1.0, 2.5)
"""Between which an answer may wait before it is told as too much, by chance: those that came all at once
would be told at once, and come again so. The proxy waits for 3 s."""

ADDRESSES_MAX = 4_096
"""That are remembered; the one that was not heard of for longest is forgotten first."""


class TooMuch(Exception):
    """An address asks for more than can be answered before its client gives up."""


class Place:
    """One of the places of an address, until it is left.

    Parameters
    ----------
    release
        Called once, when it is left.
    allowance
        What is done there is counted with.
    """

    def __init__(self, release: Callable[[], None], allowance: Allowance) -> None:
        self.allowance = allowance
        self._release: Callable[[], None] | None = release
        self._end = asyncio.get_running_loop().call_later(HOLD_SECONDS, self.leave)

    def leave(self) -> None:
        """Let another have it; again does nothing."""
        if self._release is not None:
            self._release()
            self._release = None
            self._end.cancel()


class Address:
    """What an address has at this replica.

    Attributes
    ----------
    pages
        Its turn to have a page made, one at a time, so that the pages of others are not behind all of its.
    returning
        Its turns for pages that come back from another replica, who came first has the first: each of them
        is waited for. New pages are not behind those.
    rests
        Its turns for the documents of pages that were given in their turn, one at a time.
    returning_rests
        The same for pages that come back.
    changes
        Its turns for all else.
    allowance
        What it may have over time.
    returns
        What it may have for pages that come back from another replica, which is no fault of theirs.
    audience
        Its sessions that have a websocket open; they widen what it may have.

    Parameters
    ----------
    share
        Of a processor, that it may have on and on, without a session that is open.
    present
        Of all addresses, those that have a websocket open.
    company
        Who asks for something just now.
    """

    def __init__(self, share: float, present: set["Address"], company: Company) -> None:
        self._present = present
        self.pages = Turns(1 if share < 1 else sys.maxsize)
        self.returning = asyncio.Semaphore(RETURNS_AT_A_TIME if share < 1 else sys.maxsize)
        self.rests = asyncio.Semaphore(1 if share < 1 else sys.maxsize)
        self.returning_rests = asyncio.Semaphore(1 if share < 1 else sys.maxsize)
        self.changes = asyncio.Semaphore(CHANGES_AT_A_TIME if share < 1 else sys.maxsize)
        self.allowance = Allowance(share, company)
        self.returns = Allowance(share, company, RETURNING, self.allowance)
        self.audience = Audience(self.allowance.widen)

    def open_socket(self, session_id: str, *, returns: bool = False) -> None:
        """Know of one more websocket, as `Audience.open` does."""
        self.audience.open(session_id, returns=returns)
        self._present.add(self)

    def close_socket(self, session_id: str) -> None:
        """Know of one less."""
        self.audience.close(session_id)
        if not self.audience.is_there:
            self._present.discard(self)

    async def take_document(self, session_id: str, *, first: bool) -> Place:
        """Wait for a place to have a page's document, once it has a websocket.

        The first time its page was given in its turn, so it waits for other rests and not for the allowance.
        Another websocket is one that comes back, from another replica or as the proxy has restarted: it has
        the terms of those, and not of who asks for more and more, unless it was one just before.
        """
        if first:
            return await self._take(self.rests, self.allowance, self.allowance.give_way)
        if self.audience.comes_back(session_id):
            return await self._take(self.returning_rests, self.returns, self.returns.wait)
        return await self.take_place(session_id)

    async def take_place(self, session_id: str) -> Place:
        """Wait for a place to make a change, who came first has it first, and until the allowance has room.

        The messages of a websocket are taken one after the other, so one that waits here makes its sender
        wait too, and nothing piles up. Each waits for the allowance when its turn has come: all would begin
        at once if they did before.
        """
        with self.audience.holding_up(session_id):
            return await self._take(self.changes, self.allowance, self.allowance.wait)

    async def _take(
        self, turns: asyncio.Semaphore, allowance: Allowance, come: Callable[[], Awaitable[None]]
    ) -> Place:
        with ExitStack() as asking:
            asking.enter_context(allowance.asking())
            await turns.acquire()
            asking.callback(turns.release)
            await come()
            asking.enter_context(allowance.serving())
            return Place(asking.pop_all().close, allowance)

    @asynccontextmanager
    async def answering(self, turns: Turns | asyncio.Semaphore) -> AsyncIterator[None]:
        """Have a turn, and what is done counted, for as long as the context lasts.

        Raises
        ------
        TooMuch
            When it would come too late because the address asks for more than it may have. Who does not
            waits for as long as it takes: the service is slow then, and no fault of who asks.
        """
        patience = random.uniform(*PATIENCE_SECONDS)
        deadline = asyncio.get_running_loop().time() + patience
        async with AsyncExitStack() as held:
            held.enter_context(self.allowance.asking())
            await self._come(held, turns, patience)
            try:
                async with asyncio.timeout_at(deadline):
                    await self.allowance.wait()
            except TimeoutError:
                raise TooMuch from None
            with self.allowance.serving(), charging(self.allowance):
                yield

    async def _come(self, held: AsyncExitStack, turns: Turns | asyncio.Semaphore, patience: float) -> None:
        """Have the turn when it comes; look now and then whether it is its own address that it waits for."""
        coming = asyncio.ensure_future(held.enter_async_context(turns))
        try:
            while not coming.done():
                await asyncio.wait({coming}, timeout=patience)
                if not coming.done() and self.allowance.is_short:
                    raise TooMuch
            coming.result()
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.wait({coming})


def name_network(address: str) -> str:
    """Name what a client has at least if it has this address; what is no address is left as it is."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), NETWORK_BITS), strict=False))


class Addresses:
    """The addresses that were heard of lately.

    Parameters
    ----------
    share
        Of a processor, that each may have on and on, without a session that is open.
    """

    def __init__(self, share: float) -> None:
        self._present: set[Address] = set()
        company = Company()
        self._find: Callable[[str], Address] = lru_cache(ADDRESSES_MAX)(
            lambda _network: Address(share, self._present, company)
        )

    def find(self, address: str | None) -> Address:
        """Find an address, or begin to remember it."""
        return self._find(name_network(address or ""))

    def count_present(self) -> int:
        """Count those that have a websocket open; on any thread."""
        return len(self._present)
