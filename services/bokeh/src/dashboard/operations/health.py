"""The state of this process: whether its event loop turns, and whether visitors should be sent here.

The event loop is busy at times, and a probe answered by it would then call a working process dead. So the
loop only notes the time now and then, and another thread answers from how old that note is.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

BEAT_SECONDS = 0.02
"""Time between two beats of the event loop; a stall may be longer by that than a beat is late."""

STALLED_SECONDS = 1.0
"""Silence after which visitors go elsewhere until the loop turns again; open pages stay. The proxy asks every
half second and waits a second for the answer (compose.yaml): it avoids a hung process within 1.5 s."""

ASK_SECONDS = 0.5
BUSY_SECONDS = 5.0
"""Time without a free worker thread after which visitors go elsewhere: pages are made on those threads."""


@dataclass
class Health:
    """The state of the process. Each field is replaced as a whole, and read by another thread."""

    last_beat: float | None = None
    """Time of the event loop's last turn, on the monotonic clock; None before it first turned."""
    thread_free: float | None = None
    """Time at which a worker thread was last free, likewise."""
    draining: bool = False
    build_fault: str | None = "no document has been built yet"
    """The reason for which the last page could not be built; None when it could."""

    def beat(self) -> None:
        """Note that the event loop turns."""
        self.last_beat = time.monotonic()

    def note_free_thread(self) -> None:
        """Note that a worker thread was free to run this."""
        self.thread_free = time.monotonic()

    def check_live(self) -> tuple[bool, str]:
        """Return whether the event loop turns, and a reason."""
        if self.last_beat is None:
            return False, "the event loop has not started"
        silence = time.monotonic() - self.last_beat
        if silence > STALLED_SECONDS:
            return False, f"the event loop has been silent for {silence:.1f} s"
        return True, "the event loop turns"

    def check_ready(self) -> tuple[bool, str]:
        """Return whether visitors may be sent here, and a reason."""
        live, why = self.check_live()
        if not live:
            return False, why
        if self.draining:
            return False, "draining: this process has been told to stop"
        busy = time.monotonic() - self.thread_free if self.thread_free is not None else 0.0
        if busy > BUSY_SECONDS:
            return False, f"no worker thread has been free for {busy:.1f} s"
        if self.build_fault is not None:
            return False, f"no page can be built: {self.build_fault}"
        return True, "pages can be built"


async def keep_beating(health: Health, note_lag: Callable[[float], None]) -> None:
    """Beat for as long as the event loop turns, and report how many seconds late each beat was."""
    loop = asyncio.get_running_loop()
    while True:
        health.beat()
        due = loop.time() + BEAT_SECONDS
        await asyncio.sleep(BEAT_SECONDS)
        note_lag(max(0.0, loop.time() - due))


async def keep_asking_threads(health: Health) -> None:
    """Note the time whenever a worker thread is free."""
    while True:
        await asyncio.to_thread(health.note_free_thread)
        await asyncio.sleep(ASK_SECONDS)
