"""The processor time that an address has had, and what it may still have."""

import asyncio
import contextvars
import math
import random
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from dashboard.accounts import Account
from dashboard.company import Company

BURST_SECONDS = 2.0
"""Of processor time that an address may have at once: some eighty pages, so that a lecture hall may come."""

DEBT_SECONDS = 1.0
"""That an address may have had beyond its burst, so that it is served again within seconds."""

SHARE_MAX = 2.0
"""Of a processor, that an address may have however many sessions are used there; as work is counted here,
which is twice what threads take (threads.py), all that one replica can do."""

SESSION_SHARE = 0.02
"""Of a processor, that an address may have for each session that is used there: who changes something
every two seconds is counted as some 0.012."""

CROWD = 1
"""Of what an address asks for at once, that comes as fast as it can: one reader does one thing at a time."""

CROWD_SECONDS = 5.0
"""After which a crowd is one no more: those who were told to come again come by then, at first one by one."""

PACE = 0.025
"""Of a processor, that several readers of one address have together beside others, from the start. At full
speed, and from several replicas of one machine, others would wait several times as long for what they ask."""

PACE_HASTY = 0.01
"""The same where some of them ask on and on, which readers do not, and the least."""

IDLE_MANY = 5
"""Pages that have been opened and that nobody has used yet, above which more of them come the slower the more
they are, down to `PACE_HASTY`: a few are a class that just sat down, many are tabs that nobody looks at."""

PACE_EACH = 0.02
"""The same for each of many sessions."""

PACE_MAX = 0.8
"""The same however many they are."""

PACE_BURST_SECONDS = 0.01
PACE_BURST_EACH_SECONDS = 0.02
"""That they may have at once, and so much more for each session: of 200 tabs opened at once, 16 and
21 were live within a second with 0.025, on four replicas of a fast machine, and 9 to 13 with this."""

PACE_DEBT_SECONDS = 0.2

UNEVEN = (0.5, 1.5)
"""Times what was taken is held against the pace, by chance: replicas of one machine of which an address asks
the same at the same moment would each time all be at it together from then on."""

RETURN_BURST_SECONDS = 12.0
"""Of processor time that pages of one address may have at once that come back from another replica: two
hundred of them, as where eight replicas become one."""

RETURN_PACE = 0.4
RETURN_PACE_BURST_SECONDS = 1.0
"""The same beside others: those that a replica takes over from one of four are back within seconds."""

LOOK_SECONDS = 0.25
"""How often who waits looks whether there still is a crowd, and others beside it."""

WAY_SECONDS = 0.005
"""How often who gives way looks whether what is being made is done."""

WAY_MAX_SECONDS = 0.5
"""For how long it does so."""

WORK_MAX_SECONDS = 0.1
"""That one piece of work is counted as. What takes longer is done once for all readers, and kept."""

LOOP_SECONDS = 0.001
"""What a request or a message takes of the event loop that is not counted as it happens."""

THREADS_EACH = 1
"""That work for one address: two would wait for each other's interpreter, and others for both."""


@dataclass(frozen=True)
class Terms:
    """What may be had at once, in seconds of a processor, and beside others at what share of one.

    Attributes
    ----------
    uneven
        Between which what was taken is multiplied before it is held against the pace.
    """

    burst: float
    pace: float
    pace_burst: float
    uneven: tuple[float, float] = (1.0, 1.0)


READING = Terms(BURST_SECONDS, PACE, PACE_BURST_SECONDS, UNEVEN)
RETURNING = Terms(RETURN_BURST_SECONDS, RETURN_PACE, RETURN_PACE_BURST_SECONDS)


class Allowance:
    """The processor time that an address has had, and what it may have.

    Parameters
    ----------
    share
        Of a processor, that it may have on and on, above 0; with 1 it never waits, for a thread neither.
    company
        Who asks for something just now, of all addresses.
    terms
        On which it is answered.
    owner
        What else the same address may have, if this is beside that: they are nobody else to each other.

    Attributes
    ----------
    line
        What is to be done for it on threads.
    """

    def __init__(
        self,
        share: float,
        company: Company | None = None,
        terms: Terms = READING,
        owner: "Allowance | None" = None,
    ) -> None:
        self._least = share
        self._company = company or Company()
        self._terms = terms
        self._owner = owner or self
        self._whole = Account(terms.burst, DEBT_SECONDS, share)
        self._pace = Account(terms.pace_burst, PACE_DEBT_SECONDS, terms.pace)
        self._asked = 0
        self._crowd_at = -math.inf
        self.line = Line(THREADS_EACH if share < 1 else sys.maxsize)

    @property
    def is_short(self) -> bool:
        """Whether more is asked for than it may have, so that what waits has itself to blame."""
        if self._least >= 1:
            return False
        return self._whole.find_wait() > 0 or (self._is_paced and self._pace.is_mostly_taken)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask for something, until it is done: for as long as the context lasts."""
        self._asked += 1
        try:
            yield
        finally:
            if self._is_crowd:
                self._crowd_at = time.monotonic()
            self._asked -= 1

    def charge(self, seconds: float) -> None:
        """Count processor time that was taken; on any thread."""
        self._whole.charge(seconds)
        self._pace.charge(seconds * random.uniform(*self._terms.uneven))

    @contextmanager
    def counting(self, times: float = 1.0) -> Iterator[None]:
        """Count what this thread does within the context, so many times."""
        start = time.thread_time()
        try:
            yield
        finally:
            self.charge(times * min(time.thread_time() - start, WORK_MAX_SECONDS))

    def widen(self, used: int, settled: int, *, idle: int = 0, hasty: bool = False) -> None:
        """Let the shares be those of so many sessions that are used, so many of which have been for a while.

        Parameters
        ----------
        used, settled
            Sessions: the first widen what may be had on and on, the others what comes beside others.
        idle
            Sessions that were opened and that nobody has used yet, which narrow what comes beside others.
        hasty
            Whether there are others, which ask on and on.
        """
        share = max(self._least, min(self._least + SESSION_SHARE * used, SHARE_MAX))
        self._whole.change(share, self._terms.burst)
        narrowed = self._terms.pace * min(1.0, IDLE_MANY / max(1, idle))
        least = PACE_HASTY if hasty else max(PACE_HASTY, narrowed)
        pace = max(least, min(PACE_EACH * settled, PACE_MAX))
        self._pace.change(pace, self._terms.pace_burst + PACE_BURST_EACH_SECONDS * settled)

    async def wait(self) -> None:
        """Wait until what was taken is within the allowance again, and give way; what is made then counts."""
        self._company.note(self._owner)
        while True:
            while (seconds := self._find_wait()) > 0:
                await asyncio.sleep(min(seconds, LOOK_SECONDS))
            await self._give_way()
            if self._find_wait() <= 0:
                break
        self.charge(LOOP_SECONDS)

    async def give_way(self) -> None:
        """Wait a little for what is being made, as far as much was taken, and count a request or a message.

        Two that share an interpreter are each done when both are: whoever has asked for much, beside others,
        has one thing made at a time, and none beside theirs.
        """
        await self._give_way()
        self.charge(LOOP_SECONDS)

    async def _give_way(self) -> None:
        until = time.monotonic() + WAY_MAX_SECONDS
        while self._gives_way and time.monotonic() < until:
            await asyncio.sleep(WAY_SECONDS)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Have what was asked for made, for as long as the context lasts."""
        with self._company.serving():
            yield

    @property
    def _gives_way(self) -> bool:
        return self._least < 1 and self._is_paced and self._pace.is_mostly_taken and self._company.is_served

    def _find_wait(self) -> float:
        """Give the seconds until what was taken is made up for, as things are now."""
        if self._least >= 1:
            return 0.0
        return max(self._whole.find_wait(), self._pace.find_wait() if self._is_paced else 0.0)

    @property
    def _is_paced(self) -> bool:
        was_crowd = time.monotonic() - self._crowd_at < CROWD_SECONDS
        return (self._is_crowd or was_crowd) and self._company.has_others(self._owner)

    @property
    def _is_crowd(self) -> bool:
        return self._asked > CROWD


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


@asynccontextmanager
async def taking_time() -> AsyncIterator[None]:
    """Wait until whoever it is whose time is spent may have more, and make what can be made later."""
    allowance = charged.get()
    if allowance is None:
        yield
        return
    await allowance.wait()
    with allowance.serving():
        yield
