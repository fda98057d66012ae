"""The lock under which replicas of one machine start one after the other.

A start is seconds of a processor, nearly all of them imports. Several at once, as when an operator scales
from one replica to eight, would take from the replica that serves what its visitors need.
"""

import fcntl
import os
import time
from pathlib import Path

PATIENCE_SECONDS = 60.0
"""Time that a start waits for the lock: a dozen other starts, and no more of one that hangs."""

LOOK_SECONDS = 0.05


class StartLock:
    """A lock on a directory that replicas share and cannot write; it ends with the process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: int | None = None

    def acquire(self, patience: float = PATIENCE_SECONDS) -> bool:
        """Wait for the lock; return whether it was had in time. A start without it is slow, and no fault."""
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

    def release(self) -> None:
        """Release the lock for the next replica; more than once is the same as once."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
