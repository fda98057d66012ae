"""Replicas of one machine start one after the other, so that those that serve keep the processors meanwhile.

A start is seconds of a processor, nearly all of them imports. Several at once, as when an operator scales
from one replica to eight, would take from the one that serves what its visitors need.
"""

import fcntl
import os
import time
from pathlib import Path

PATIENCE_SECONDS = 60.0
"""How long a turn is waited for: a dozen starts, and no more of one that hangs."""

LOOK_SECONDS = 0.05


class StartTurn:
    """A lock on a directory that replicas of one machine have in common; the process takes it along.

    A library's lock is a file it makes, and replicas can only read what they share; a lock that the kernel
    waits for has no end to its patience.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: int | None = None

    def take(self, patience: float = PATIENCE_SECONDS) -> bool:
        """Wait for the turn; give whether it was had in time. Starting without it is slow, and no fault."""
        self._held = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(LOOK_SECONDS)
            else:
                return True

    def pass_on(self) -> None:
        """Let the next one start; more than once is the same as once."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
