"""What one address may have of a replica, at a time and over time: who asks for more waits, and nobody else.

An office, a lecture hall, or all readers behind another proxy are one address, so nobody is refused here
for coming with many. What is asked for is counted in the processor time that it takes.
"""

import asyncio
import contextvars
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import lru_cache
from typing import override

from dashboard.turns import Turns

CHANGES_AT_A_TIME = 2
"""Of one address at one replica. They share the interpreter with those of others: more of them would be
none the faster."""

HOLD_SECONDS = 5.0
"""After which a change holds its place no longer: another one of its address may have what it waits for."""

BURST_SECONDS = 2.0
"""Of processor time that an address may have at once: some eighty pages, so that a lecture hall may come."""

SESSION_SHARE = 0.01
"""Of a processor, that an address may have for each session that is open there: a reader who changes
something every two seconds takes less."""

SHARE_MAX = 0.8
"""Of a processor, that an address may have however many sessions are open there."""

DEBT_MAX_SECONDS = 1.0
"""That an address may have had beyond its burst, so that it is served again within seconds."""

PATIENCE_SECONDS = 2.0
"""How long an answer may wait before it is told as too much; the proxy waits for one second more."""

WORK_MAX_SECONDS = 0.2
"""That one piece of work is counted as. What takes longer is done once for all readers, and kept."""

LOOP_SECONDS = 0.001
"""What a request or a message takes of the event loop that is not counted as it happens."""

ADDRESSES_MAX = 4_096
"""That are remembered; the one that was not heard of for longest is forgotten first."""


class TooMuch(Exception):
    """An address asks for more than can be answered before its client gives up."""


class Allowance:
    """The processor time that an address has had, and gets again as time goes by.

    Parameters
    ----------
    share
        Of a processor, that it may have on and on, above 0; with 1 it never waits.
    """

    def __init__(self, share: float) -> None:
        self._least = self._share = share
        self._owed = 0.0
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def charge(self, seconds: float) -> None:
        """Count processor time that was taken; on any thread."""
        with self._lock:
            self._owed = min(self._find_owed() + seconds, BURST_SECONDS + DEBT_MAX_SECONDS)
            self._at = time.monotonic()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count what this thread does within the context."""
        start = time.thread_time()
        try:
            yield
        finally:
            self.charge(min(time.thread_time() - start, WORK_MAX_SECONDS))

    def widen(self, more: float) -> None:
        """Let the share be so much more than it is at least, up to `SHARE_MAX`."""
        with self._lock:
            self._owed, self._at = self._find_owed(), time.monotonic()
            self._share = max(self._least, min(self._least + more, SHARE_MAX))

    async def wait(self) -> None:
        """Wait until what was taken is within the allowance again, and count a request or a message."""
        while self._least < 1 and (over := self._find_owed() - BURST_SECONDS) > 0:
            await asyncio.sleep(over / self._share)
        self.charge(LOOP_SECONDS)

    def _find_owed(self) -> float:
        return max(0.0, self._owed - self._share * (time.monotonic() - self._at))


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
    """

    def __init__(self, share: float) -> None:
        self.pages = Turns(1)
        self.changes = asyncio.Semaphore(CHANGES_AT_A_TIME)
        self.allowance = Allowance(share)
        self._sessions: Counter[str] = Counter()

    def open_socket(self, session_id: str) -> None:
        """Know of one more websocket; several of one session are one reader."""
        self._sessions[session_id] += 1
        self.allowance.widen(SESSION_SHARE * len(self._sessions))

    def close_socket(self, session_id: str) -> None:
        """Know of one less."""
        self._sessions -= Counter([session_id])
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
        self._find: Callable[[str], Address] = lru_cache(ADDRESSES_MAX)(lambda _address: Address(share))

    def find(self, address: str | None) -> Address:
        """Find an address, or begin to remember it."""
        return self._find(address or "")


_charged: contextvars.ContextVar[Allowance | None] = contextvars.ContextVar("charged", default=None)


@contextmanager
def charging(allowance: Allowance) -> Iterator[None]:
    """Count what threads do for what is asked within this context, and for what follows from it."""
    token = _charged.set(allowance)
    try:
        yield
    finally:
        _charged.reset(token)


class CountingThreads(ThreadPoolExecutor):
    """Threads that count the processor time of each piece of work for the address that has asked for it."""

    @override
    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        allowance = _charged.get()
        if allowance is None:
            return super().submit(fn, *args, **kwargs)
        context = contextvars.copy_context()

        def run() -> T:
            with allowance.counting():
                return context.run(fn, *args, **kwargs)

        return super().submit(run)
