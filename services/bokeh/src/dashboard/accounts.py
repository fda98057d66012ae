"""Processor time that was taken, and how long it takes to make up for it."""

import threading
import time


class Account:
    """Processor time that was taken, and is made up for as time goes by; on any thread.

    Parameters
    ----------
    burst, debt
        Seconds that may be had at once, and what may have been had beyond them.
    share
        Of a processor, that it is made up for with.
    """

    def __init__(self, burst: float, debt: float, share: float) -> None:
        self._burst, self._debt, self._share = burst, debt, share
        self._owed = 0.0
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def charge(self, seconds: float) -> None:
        """Have taken so much."""
        with self._lock:
            self._settle()
            self._owed = min(self._owed + seconds, self._burst + self._debt)

    def change(self, share: float, burst: float) -> None:
        """Have another share, and another burst, from now on; what a greater one has more is to be earned."""
        with self._lock:
            self._settle()
            self._owed = min(self._owed + max(0.0, burst - self._burst), burst + self._debt)
            self._share, self._burst = share, burst

    def find_wait(self) -> float:
        """Give the seconds until what was taken is within the burst; 0 or less where it is."""
        with self._lock:
            self._settle()
            return (self._owed - self._burst) / self._share

    @property
    def is_mostly_taken(self) -> bool:
        """Whether more than half of the burst was taken: who had a turn just now may have to wait again."""
        with self._lock:
            self._settle()
            return self._owed > self._burst / 2

    def _settle(self) -> None:
        now = time.monotonic()
        self._owed = max(0.0, self._owed - self._share * (now - self._at))
        self._at = now
