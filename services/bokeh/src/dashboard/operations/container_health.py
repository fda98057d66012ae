"""The engine's health check of a replica, whose answer is delayed while there is nothing new to say.

The engine starts a process for each check, so checks are to be rare. Whenever its list of healthy replicas
changes, the proxy takes every replica on it for ready until it has checked each itself. So the engine has to
know at once of a replica that drains, or is ready again. A loop that is busy for a moment is not reported:
the proxy's own check notices it.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from dashboard.operations.health import Health

HOLD_SECONDS = 8.0
"""Longest delay of an answer; less than the engine waits for it (Dockerfile)."""

POLL_SECONDS = 0.1

AGAIN_SECONDS = 2.0
"""Time without a check after which the engine may have forgotten the last answer, as after a pause."""

DRAIN_TIMES = 2
"""Times that the engine is told of draining before it believes it (Dockerfile)."""


class ContainerHealth:
    """The answers that the engine has had. Once it `is_over`, the process ends and no answer is delayed."""

    def __init__(self, health: Health) -> None:
        self.is_over = False
        self._health = health
        self._told: bool | None = None
        self._told_draining = 0
        self._at = -math.inf

    async def check(self, has_left: Callable[[], Awaitable[bool]]) -> tuple[bool, str]:
        """Return whether visitors may be sent here and why not, as soon as that is new, or after a while."""
        if time.monotonic() - self._at > AGAIN_SECONDS:
            self._told = None
        until = time.monotonic() + HOLD_SECONDS
        while not (self._has_news or self.is_over) and time.monotonic() < until and not await has_left():
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
