"""What one address may have of a replica, at a time and over time: who asks for more waits, and nobody else.

An office, a lecture hall, or all readers behind another proxy are one address, so what counts is not how
many come but the processor time that they take. A page that would come too late for that is refused with one
that tries again.
"""

import asyncio
import ipaddress
import math
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from functools import lru_cache

from dashboard.allowance import RETURNING, Allowance, charging
from dashboard.company import Company
from dashboard.turns import Turns

CHANGES_AT_A_TIME = 2
"""Of one address at one replica. They share the interpreter with those of others: more of them would be
none the faster."""

RETURNS_AT_A_TIME = 2
"""Pages of an address that come back: one is on its way while another one is made."""

HOLD_SECONDS = 5.0
"""After which a change holds its place no longer: another one of its address may have what it waits for."""

SETTLED_SECONDS = 30.0
"""After which a session that somebody uses widens what its address may have beside others: who opens many at
once, or many that nobody looks at, has not the more for it."""

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
    """

    def __init__(self, release: Callable[[], None]) -> None:
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
    changes
        Its turns for all else.
    allowance
        What it may have over time.
    returns
        What it may have for pages that come back from another replica, which is no fault of theirs.

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
        self.changes = asyncio.Semaphore(CHANGES_AT_A_TIME if share < 1 else sys.maxsize)
        self.allowance = Allowance(share, company)
        self.returns = Allowance(share, company, RETURNING, self.allowance)
        self._sessions: Counter[str] = Counter()
        self._settled: set[str] = set()
        self._used: set[str] = set()
        self._idle: set[str] = set()
        self._held_up: Counter[str] = Counter()
        self._pressed: dict[str, float] = {}

    def open_socket(self, session_id: str, *, returns: bool = False) -> None:
        """Know of one more websocket; several of one session are one reader.

        Of one that `returns` from another replica it is not known here whether somebody uses it.
        """
        self._sessions[session_id] += 1
        if not returns and session_id not in self._used:
            self._idle.add(session_id)
            self._widen()
        self._present.add(self)
        self._settle_in(SETTLED_SECONDS, session_id)

    def close_socket(self, session_id: str) -> None:
        """Know of one less."""
        self._sessions -= Counter([session_id])
        if not self._sessions:
            self._present.discard(self)
        if session_id not in self._sessions:
            self._settled.discard(session_id)
            self._used.discard(session_id)
            self._idle.discard(session_id)
            self._pressed.pop(session_id, None)
            self._widen()

    def use(self, session_id: str) -> None:
        """Know of a session whose reader has done something."""
        if session_id not in self._used:
            self._used.add(session_id)
            self._idle.discard(session_id)
            self._widen()

    def press(self, session_id: str) -> None:
        """Know of a session that asks in haste; until it has not for a while, it widens nothing."""
        self._pressed[session_id] = asyncio.get_running_loop().time()
        if session_id in self._settled:
            self._settled.discard(session_id)
            self._settle_in(SETTLED_SECONDS, session_id)
        self._widen()

    def _settle_in(self, seconds: float, session_id: str) -> None:
        asyncio.get_running_loop().call_later(seconds, self._settle, session_id)

    def _settle(self, session_id: str) -> None:
        if session_id not in self._sessions:
            return
        pressed_at = self._pressed.get(session_id, -math.inf)
        left = pressed_at + SETTLED_SECONDS - asyncio.get_running_loop().time()
        if session_id in self._held_up:
            # Whether it asks in haste is known only once it has had an answer.
            left = SETTLED_SECONDS
        if left > 0:
            self._settle_in(left, session_id)
            return
        self._pressed.pop(session_id, None)
        self._settled.add(session_id)
        self._widen()

    def _widen(self) -> None:
        used = self._used - self._pressed.keys()
        self.allowance.widen(
            len(used), len(used & self._settled), idle=len(self._idle), hasty=bool(self._pressed)
        )

    async def take_rest(self) -> Place:
        """Wait for the rest of a page that was given in its turn: for other rests, not for the allowance."""
        return await self._take(self.rests, self.allowance.give_way)

    async def take_place(self, session_id: str) -> Place:
        """Wait for a place to make a change, who came first has it first, and until the allowance has room.

        The messages of a websocket are taken one after the other, so one that waits here makes its sender
        wait too, and nothing piles up. Each waits for the allowance when its turn has come: all would begin
        at once if they did before.
        """
        self._held_up[session_id] += 1
        try:
            return await self._take(self.changes, self.allowance.wait)
        finally:
            self._held_up -= Counter([session_id])

    async def _take(self, turns: asyncio.Semaphore, come: Callable[[], Awaitable[None]]) -> Place:
        with ExitStack() as asking:
            asking.enter_context(self.allowance.asking())
            await turns.acquire()
            asking.callback(turns.release)
            await come()
            asking.enter_context(self.allowance.serving())
            return Place(asking.pop_all().close)

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
