"""The processor time that an address has had, and what it may still have."""

import asyncio
import contextvars
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dashboard.company import Company


@dataclass(frozen=True)
class Bounds:
    """What an address may have.

    Attributes
    ----------
    burst
        Seconds of processor time at once.
    debt
        Seconds that it may have had beyond its burst, so that it is served again within seconds.
    share
        Of a processor, however many sessions are open there.
    """

    burst: float
    debt: float
    share: float


ALONE = Bounds(burst=2.0, debt=1.0, share=0.8)
"""Some eighty pages at once, so that a lecture hall may come."""

BESIDE_OTHERS = Bounds(burst=0.4, debt=0.3, share=0.4)
"""While others ask for something too. What takes more comes at a pace: at full speed, and from several
replicas of one machine, others would wait two and three times as long for what they ask."""

LOOK_SECONDS = 0.25
"""How often who waits looks whether others are still there."""

WORK_MAX_SECONDS = 0.1
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
    company
        Who asks for something just now, of all addresses.

    Attributes
    ----------
    line
        What is to be done for it on threads.
    """

    def __init__(self, share: float, company: Company | None = None) -> None:
        self._least = self._share = share
        self._company = company or Company()
        self._bounds = ALONE
        self._owed = 0.0
        self._at = time.monotonic()
        self._lock = threading.Lock()
        self.line = Line(THREADS_EACH if share < 1 else sys.maxsize)

    @property
    def is_spent(self) -> bool:
        """Whether more was taken than it may have now."""
        return self._find_wait() > 0

    def charge(self, seconds: float) -> None:
        """Count processor time that was taken; on any thread."""
        with self._lock:
            self._settle()
            self._owed = min(self._owed + seconds, ALONE.burst + ALONE.debt)

    @contextmanager
    def counting(self, times: float = 1.0) -> Iterator[None]:
        """Count what this thread does within the context, so many times."""
        start = time.thread_time()
        try:
            yield
        finally:
            self.charge(times * min(time.thread_time() - start, WORK_MAX_SECONDS))

    def widen(self, more: float) -> None:
        """Let the share be so much more than it is at least, as far as its bounds go."""
        with self._lock:
            self._settle()
            self._share = self._least + more

    async def wait(self) -> None:
        """Wait until what was taken is within the allowance again, and count a request or a message."""
        self._company.note(self)
        while (seconds := self._find_wait()) > 0:
            await asyncio.sleep(min(seconds, LOOK_SECONDS))
        self.charge(LOOP_SECONDS)

    def _find_wait(self) -> float:
        """Give the seconds until what was taken is made up for, as things are now."""
        if self._least >= 1:
            return 0.0
        with self._lock:
            self._settle()
            self._bounds = bounds = BESIDE_OTHERS if self._company.has_others(self) else ALONE
            # What was taken while nobody else was there is not made up for when somebody comes.
            self._owed = min(self._owed, bounds.burst + bounds.debt)
            return (self._owed - bounds.burst) / self._find_share()

    def _settle(self) -> None:
        """Take off what was made up for since the last time."""
        now = time.monotonic()
        self._owed = max(0.0, self._owed - self._find_share() * (now - self._at))
        self._at = now

    def _find_share(self) -> float:
        return max(self._least, min(self._share, self._bounds.share))


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
