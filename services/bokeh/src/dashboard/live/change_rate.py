"""The rate at which one websocket may ask for changes."""

import asyncio

CHANGES_A_SECOND = 30.0
"""More than a dragged slider sends; a change takes some 8 ms of a processor."""

BURST = 60.0


class ChangeRate:
    """A token bucket. A client that asks faster is read more slowly, and loses nothing."""

    def __init__(self, rate: float = CHANGES_A_SECOND, burst: float = BURST) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, asyncio.get_running_loop().time()

    async def take(self) -> None:
        """Wait until one more change may be made."""
        now = asyncio.get_running_loop().time()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        if self._left < 0:
            await asyncio.sleep(-self._left / self._rate)
