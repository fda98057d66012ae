"""A websocket that asks for changes too fast is read more slowly; a reader never is."""

import asyncio

import pytest

from dashboard.live.change_rate import BURST, CHANGES_A_SECOND, ChangeRate


class Clock:
    """A clock that only waiting moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: self.now)

        async def sleep(seconds: float) -> None:
            self.now += seconds

        monkeypatch.setattr(asyncio, "sleep", sleep)


def test_burst_is_free_and_what_comes_after_it_has_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    async def push() -> None:
        clock = Clock(monkeypatch)
        rate = ChangeRate()
        for _ in range(int(BURST)):
            await rate.take()
        assert clock.now == 0
        for _ in range(300):
            await rate.take()
        assert clock.now == pytest.approx(300 / CHANGES_A_SECOND)
        monkeypatch.undo()

    asyncio.run(push())


def test_pause_restores_the_burst_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def push() -> None:
        clock = Clock(monkeypatch)
        rate = ChangeRate()
        for _ in range(int(BURST)):
            await rate.take()
        clock.now += 3_600
        for _ in range(int(BURST)):
            await rate.take()
        assert clock.now == 3_600
        await rate.take()
        assert clock.now > 3_600
        monkeypatch.undo()

    asyncio.run(push())
