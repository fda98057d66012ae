"""How fast one address may change pages: who asks for more is answered later, and nobody else is.

The messages of a websocket are taken one after the other, so that one that waits here makes its sender wait
too, and nothing piles up.
"""

import time

CHANGES_A_SECOND = 50.0
"""Of one address at one replica, in the mean; one takes some ten milliseconds of it. A reader makes one
every few seconds, and an office, or all readers behind another proxy, is one address."""

CHANGES_AT_ONCE = 100.0

FORGET_AT = 1_000
"""Addresses that are known before those are forgotten that have nothing to wait for."""


class Paces:
    """When each address may change something next (the generic cell rate algorithm, ITU-T I.371)."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def take(self, address: str, changes: float, now: float | None = None) -> float:
        """Count changes of an address; give the seconds they must wait before they are made."""
        now = time.monotonic() if now is None else now
        earliest = now - CHANGES_AT_ONCE / CHANGES_A_SECOND
        if len(self._due) >= FORGET_AT and address not in self._due:
            self._due = {known: due for known, due in self._due.items() if due > earliest}
        due = max(self._due.get(address, earliest), earliest) + changes / CHANGES_A_SECOND
        self._due[address] = due
        return max(0.0, due - now)
