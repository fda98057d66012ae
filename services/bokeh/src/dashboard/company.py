"""Whether somebody else is asking for something just now, or has it made."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

LATELY_SECONDS = 2.0
"""For how long somebody who has asked is there: most readers who are at it change something within that."""


class Company:
    """Who asked last, when somebody else did, and whether something is being made; on one thread."""

    def __init__(self) -> None:
        self._served = 0
        self._last: object = None
        self._last_at = self._other_at = -math.inf

    def note(self, who: object) -> None:
        """Have somebody ask for something."""
        if who is not self._last:
            self._last, self._other_at = who, self._last_at
        self._last_at = time.monotonic()

    def has_others(self, who: object) -> bool:
        """Say whether somebody else has asked lately."""
        other_at = self._other_at if who is self._last else self._last_at
        return time.monotonic() - other_at < LATELY_SECONDS

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Have something made for somebody for as long as the context lasts."""
        self._served += 1
        try:
            yield
        finally:
            self._served -= 1

    @property
    def is_served(self) -> bool:
        """Whether something is being made for somebody."""
        return self._served > 0
