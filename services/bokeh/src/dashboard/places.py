"""How many changes one address makes at a time: who asks for more is answered later, and nobody else is.

The messages of a websocket are taken one after the other, so that one that waits here makes its sender wait
too, and nothing piles up.
"""

import asyncio
from weakref import WeakValueDictionary

CHANGES_AT_A_TIME = 2
"""Of one address at one replica. They share the interpreter with those of others: more of them would be
none the faster; an office, or all readers behind another proxy, is one address."""

HOLD_SECONDS = 5.0
"""After which a change holds its place no longer: another one of its address may have what it waits for."""


class Place:
    """One of the places of an address, until it is left."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places: asyncio.Semaphore | None = places
        self._end = asyncio.get_running_loop().call_later(HOLD_SECONDS, self.leave)

    def leave(self) -> None:
        """Let another have it; again does nothing."""
        if self._places is not None:
            self._places.release()
            self._places = None
            self._end.cancel()


class Places:
    """The places of each address that makes or waits for a change."""

    def __init__(self) -> None:
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._places)

    async def take(self, address: str) -> Place:
        """Wait for a place of an address; who came first has it first."""
        places = self._places.setdefault(address, asyncio.Semaphore(CHANGES_AT_A_TIME))
        await places.acquire()
        return Place(places)
