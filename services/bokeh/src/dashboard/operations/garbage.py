"""Garbage collection: of young objects always, of all others only while hardly anybody is there.

A collection holds the whole process, on whichever thread it begins, and takes some 0.5 ms for a thousand
objects; a session has some three thousand. So none looks at open sessions while there are many. It need not:
an ended session is freed without one (`live.internals`), and what is left of its connection is small.
"""

import asyncio
import gc
from collections.abc import Callable

YOUNG_OBJECTS = 2_500
"""New objects before the newest are collected: a few milliseconds."""

YOUNG_ROUNDS = 2
"""Such collections before those that outlived one are looked at again, for the last time."""

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


def is_due(opened: int, ended: int) -> bool:
    """Return whether everything is collected now, by sessions open and ended since the last time."""
    return ended >= OVERDUE_SESSIONS or (ended > 0 and opened <= FEW_SESSIONS)


async def keep_collecting(count_open: Callable[[], int], count_ended: Callable[[], int]) -> None:
    """Collect everything when it costs little, or is long overdue, by sessions open and ended so far."""
    collected_at = 0
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if is_due(count_open(), count_ended() - collected_at):
            collected_at = count_ended()
            gc.collect()
            # Prepared pages are freed by reference counting, and need not be looked at again.
            gc.freeze()
