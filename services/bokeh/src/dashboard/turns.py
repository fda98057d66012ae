"""A few at a time, and the last to come first."""

import asyncio
from types import TracebackType


class Turns:
    """So many places, of which one is had as an asynchronous context, one after the other.

    Who came last has the next turn. Where more is asked for than can be done, everybody waits as long as
    they have patience if the first to come is first, and gets an answer that is no longer waited for; this
    way those who come are answered at once as far as there is time, and the others leave.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:
                self._pass_on()
            raise

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.pop().set_result(None)
        else:
            self._free += 1
