"""The processor time that an address has had, and what it may still have."""

import asyncio
import contextvars
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BURST_SECONDS = 2.0
"""Of processor time that an address may have at once: some eighty pages, so that a lecture hall may come."""

DEBT_MAX_SECONDS = 1.0
"""That an address may have had beyond its burst, so that it is served again within seconds."""

SHARE_MAX = 0.8
"""Of a processor, that an address may have however many sessions are open there."""

WORK_MAX_SECONDS = 0.2
"""That one piece of work is counted as. What takes longer is done once for all readers, and kept."""

LOOP_SECONDS = 0.001
"""What a request or a message takes of the event loop that is not counted as it happens."""

THREADS_EACH = 1
"""That work for one address: two would wait for each other's interpreter, and others for both."""


class Allowance:
    """The processor time that an address has had, and gets again as time goes by.

    Parameters
    ----------
    share
        Of a processor, that it may have on and on, above 0; with 1 it never waits, for a thread neither.

    Attributes
    ----------
    line
        What is to be done for it on threads.
    """

    def __init__(self, share: float) -> None:
        self._least = self._share = share
        self._owed = 0.0
        self._at = time.monotonic()
        self._lock = threading.Lock()
        self.line = Line(THREADS_EACH if share < 1 else sys.maxsize)

    def charge(self, seconds: float) -> None:
        """Count processor time that was taken; on any thread."""
        with self._lock:
            self._owed = min(self._find_owed() + seconds, BURST_SECONDS + DEBT_MAX_SECONDS)
            self._at = time.monotonic()

    @contextmanager
    def counting(self, times: float = 1.0) -> Iterator[None]:
        """Count what this thread does within the context, so many times."""
        start = time.thread_time()
        try:
            yield
        finally:
            self.charge(times * min(time.thread_time() - start, WORK_MAX_SECONDS))

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


class Line:
    """Pieces of work, of which so many are under way at a time and the others wait, first come, first served.

    Parameters
    ----------
    width
        How many are under way.
    """

    def __init__(self, width: int) -> None:
        self._free = width
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()

    def join(self, begin: Callable[[], None]) -> None:
        """Begin a piece of work as soon as there is room; whoever does it says `leave` at its end."""
        with self._lock:
            if not self._free:
                self._waiting.append(begin)
                return
            self._free -= 1
        begin()

    def leave(self) -> None:
        """Have ended a piece of work, and begin the next one."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            begin = self._waiting.popleft()
        begin()


charged: contextvars.ContextVar[Allowance | None] = contextvars.ContextVar("charged", default=None)
"""Whose time it is that is spent."""


@contextmanager
def charging(allowance: Allowance) -> Iterator[None]:
    """Count what threads do for what is asked within this context, and for what follows from it."""
    token = charged.set(allowance)
    try:
        yield
    finally:
        charged.reset(token)
