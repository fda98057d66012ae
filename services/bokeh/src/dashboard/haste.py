"""Whether changes are asked for one after the other without a pause, as no reader goes on to do."""

import time

PAUSE_SECONDS = 0.01
"""Within which the next message has come while the one before it was answered."""

HASTY_CHANGES = 1
"""After so many without a pause it is haste; a reader's next wish comes when the last one is seen."""


class Haste:
    """The haste of one websocket."""

    def __init__(self) -> None:
        self._count = 0
        self._answered_at = 0.0
        self._paused = True

    def take(self) -> None:
        """Have a message come."""
        self._paused = self._paused or time.monotonic() - self._answered_at > PAUSE_SECONDS

    def change(self) -> bool:
        """Have it be a change, and say whether it is asked for in haste."""
        self._count = 0 if self._paused else self._count + 1
        self._paused = False
        return self._count >= HASTY_CHANGES

    def answer(self) -> None:
        """Have it answered, and the answer taken."""
        self._answered_at = time.monotonic()
