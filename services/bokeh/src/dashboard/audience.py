"""The sessions of one address that have a websocket open, and what is known of their readers."""

import asyncio
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

SETTLED_SECONDS = 30.0
"""After which a session that somebody uses widens what its address may have beside others: who opens many at
once, or many that nobody looks at, has not the more for it."""

RETURN_AGAIN_SECONDS = 30.0
"""After which a session comes back once more: a proxy does not restart more often, and to open one
websocket after the other is no way around the pace."""

REMEMBERED_MAX = 1_000
"""Sessions that had a websocket and have none, of which it is known whether somebody has used them."""


class Widen(Protocol):
    """Takes how many sessions there are of each kind; `Allowance.widen`."""

    def __call__(self, used: int, settled: int, *, idle: int, hasty: bool) -> None:
        """Let the allowance be theirs."""


class Audience:
    """Sessions by what their readers do.

    Parameters
    ----------
    widen
        Called when it is another number of them.
    """

    def __init__(self, widen: Widen) -> None:
        self._widen_to = widen
        self._sockets: Counter[str] = Counter()
        self._settled: set[str] = set()
        self._used: set[str] = set()
        self._idle: set[str] = set()
        self._left: dict[str, bool] = {}
        self._returning: set[str] = set()
        self._returned_at: dict[str, float] = {}
        self._held_up: Counter[str] = Counter()
        self._pressed: dict[str, float] = {}

    @property
    def is_there(self) -> bool:
        """Whether there is any."""
        return bool(self._sockets)

    def open(self, session_id: str, *, returns: bool = False) -> None:
        """Know of one more websocket; several of one session are one reader.

        Of one that `returns` from another replica it is not known here whether somebody uses it.
        """
        self._sockets[session_id] += 1
        was_used = self._left.pop(session_id, None)
        if returns or was_used is not None:
            self._returning.add(session_id)
        if was_used:
            self.use(session_id)
        elif not returns and session_id not in self._used:
            self._idle.add(session_id)
            self._widen()
        self._settle_in(SETTLED_SECONDS, session_id)

    def close(self, session_id: str) -> None:
        """Know of one less."""
        self._sockets -= Counter([session_id])
        if session_id in self._sockets:
            return
        self._left[session_id] = session_id in self._used - self._pressed.keys()
        if len(self._left) > REMEMBERED_MAX:
            del self._left[next(iter(self._left))]
        for sessions in (self._settled, self._used, self._idle, self._returning):
            sessions.discard(session_id)
        self._pressed.pop(session_id, None)
        self._widen()

    def use(self, session_id: str) -> None:
        """Know of a session whose reader has done something."""
        if session_id not in self._used:
            self._used.add(session_id)
            self._idle.discard(session_id)
            self._widen()

    def press(self, session_id: str) -> None:
        """Know of a session that asks in haste; until it has not for a while, it widens nothing."""
        self._pressed[session_id] = asyncio.get_running_loop().time()
        if session_id in self._settled:
            self._settled.discard(session_id)
            self._settle_in(SETTLED_SECONDS, session_id)
        self._widen()

    @contextmanager
    def holding_up(self, session_id: str) -> Iterator[None]:
        """Have a session wait; whether it asks in haste is known only once it has had an answer."""
        self._held_up[session_id] += 1
        try:
            yield
        finally:
            self._held_up -= Counter([session_id])

    def comes_back(self, session_id: str) -> bool:
        """Say, once for a websocket, whether its session came back, from elsewhere or after it had none here.

        One that has just done so does not again, nor one that has another websocket as well.
        """
        came_back = session_id in self._returning and self._sockets[session_id] == 1
        self._returning.discard(session_id)
        now = asyncio.get_running_loop().time()
        for one in [one for one, at in self._returned_at.items() if at <= now - RETURN_AGAIN_SECONDS]:
            del self._returned_at[one]
        if not came_back or session_id in self._returned_at:
            return False
        self._returned_at[session_id] = now
        return True

    def _settle_in(self, seconds: float, session_id: str) -> None:
        asyncio.get_running_loop().call_later(seconds, self._settle, session_id)

    def _settle(self, session_id: str) -> None:
        if session_id not in self._sockets:
            return
        pressed_at = self._pressed.get(session_id, -math.inf)
        left = pressed_at + SETTLED_SECONDS - asyncio.get_running_loop().time()
        if session_id in self._held_up:
            left = SETTLED_SECONDS
        if left > 0:
            self._settle_in(left, session_id)
            return
        self._pressed.pop(session_id, None)
        self._settled.add(session_id)
        self._widen()

    def _widen(self) -> None:
        used = self._used - self._pressed.keys()
        self._widen_to(len(used), len(used & self._settled), idle=len(self._idle), hasty=bool(self._pressed))
