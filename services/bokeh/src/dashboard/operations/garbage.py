"""Garbage collection: of young objects always, of all others only while hardly anybody is there.

A collection holds the whole process, on whichever thread it begins, and takes some 0.5 ms for a thousand
objects; a session has some three thousand. So none looks at open sessions while there are many. It need not:
an ended session is freed without one (`live.internals`), and what is left of its connection is small.
"""

import asyncio
import gc
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

YOUNG_OBJECTS = 5_000
"""New objects before the newest are collected: a few milliseconds."""

YOUNG_ROUNDS = 5
"""Such collections before those that outlived one are looked at again: three times as long."""

NEVER = 2**31 - 1

LOOK_SECONDS = 10.0
FEW_SESSIONS = 5
OVERDUE_SESSIONS = 100_000
"""Ended sessions before everything is collected, however many are open; each leaves some hundred bytes."""


def keep_young() -> None:
    """Restrict collections to young objects; objects of the start live as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_ROUNDS, NEVER)


@dataclass
class Collector:
    """Collects everything when it costs little, or is long overdue, by sessions open and ended so far."""

    count_open: Callable[[], int]
    count_ended: Callable[[], int]
    collected_at: int = 0

    def is_due(self) -> bool:
        """Return whether now is the time."""
        since = self.count_ended() - self.collected_at
        return since >= OVERDUE_SESSIONS or (since > 0 and self.count_open() <= FEW_SESSIONS)

    def collect(self) -> None:
        """Collect everything."""
        self.collected_at = self.count_ended()
        start = time.perf_counter()
        found = gc.collect()
        # Prepared pages are freed by reference counting, and need not be looked at again.
        gc.freeze()
        log.debug("collected %d objects in %.0f ms", found, 1000 * (time.perf_counter() - start))

    async def keep_collecting(self) -> None:
        """Collect whenever it is due."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.is_due():
                self.collect()
