"""The engine's look at a replica, which waits for its answer while there is nothing new to tell.

The engine starts a process for each look, so it is to look seldom. The proxy lists what the engine calls
healthy, and takes all of its list for ready whenever it changes, until it has looked itself: so the engine
is to know at once of a replica that drains, or of one that is ready again. A loop that is busy for a moment
is no news; the proxy's own look is around it before, and a list that changes does more harm than that.
"""

import asyncio
import math
import time
from collections.abc import Callable

from dashboard.health import Health

HOLD_SECONDS = 8.0
"""For how long a look is held at most; less than the engine waits for it (Dockerfile)."""

POLL_SECONDS = 0.1

AGAIN_SECONDS = 2.0
"""After which a look does not follow the one before: the engine may have forgotten what it was told, as where
it was started anew or the container was paused."""

DRAIN_TIMES = 2
"""How often the engine is told of draining before it believes it (Dockerfile)."""


class EngineLook:
    """What the engine has been told, by the looks that may be held.

    Parameters
    ----------
    health
        What is known of the process.
    """

    def __init__(self, health: Health) -> None:
        self._health = health
        self._told: bool | None = None
        self._told_draining = 0
        self._at = -math.inf

    async def take(self, is_waited_for: Callable[[], bool]) -> tuple[bool, str]:
        """Say whether visitors may be sent here and why not, as soon as that is new, or else after a while.

        Parameters
        ----------
        is_waited_for
            Says whether somebody still waits for the answer.
        """
        if time.monotonic() - self._at > AGAIN_SECONDS:
            self._told = None
        until = time.monotonic() + HOLD_SECONDS
        while not self._has_news and is_waited_for() and time.monotonic() < until:
            await asyncio.sleep(POLL_SECONDS)
        ready, why = self._health.check_ready()
        self._told, self._at = ready, time.monotonic()
        self._told_draining += self._health.draining
        return ready, why

    @property
    def _has_news(self) -> bool:
        if self._health.draining:
            return self._told_draining < DRAIN_TIMES
        return self._told is None or (not self._told and self._health.check_ready()[0])
