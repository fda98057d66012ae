"""Pages are made a few at a time, and only for visitors who still wait."""

import asyncio

import pytest

from dashboard import turns as module
from dashboard.turns import PAGES_AT_A_TIME, Turns, VisitorLeft, take_turn


class Slow:
    """Stands for what makes pages: makes one when it is let, and notes how many are made at a time."""

    def __init__(self) -> None:
        self.may_go = asyncio.Event()
        self.making = self.most = self.made = 0

    async def make(self) -> None:
        self.making += 1
        self.most = max(self.most, self.making)
        await self.may_go.wait()
        self.making -= 1
        self.made += 1


def ask(count: int, monkeypatch: pytest.MonkeyPatch, leave: set[int]) -> tuple[Slow, list[object]]:
    """Ask for pages all at once; some visitors leave before the first is made."""

    async def run() -> tuple[Slow, list[object]]:
        monkeypatch.setattr(module, "turns", Turns(PAGES_AT_A_TIME))
        slow = Slow()
        gone: set[int] = set()

        async def visit(place: int) -> None:
            async with take_turn(lambda: place not in gone):
                await slow.make()

        asked = [asyncio.create_task(visit(place)) for place in range(count)]
        while slow.making < PAGES_AT_A_TIME:
            await asyncio.sleep(0)
        gone |= leave
        slow.may_go.set()
        return slow, await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(run())


def test_no_more_pages_are_made_at_a_time_than_there_are_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, results = ask(8, monkeypatch, set())
    assert results == [None] * 8
    assert slow.most == PAGES_AT_A_TIME


def test_page_that_nobody_waits_for_any_more_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, results = ask(8, monkeypatch, {4, 5, 6})
    assert [isinstance(result, VisitorLeft) for result in results] == [
        place in {4, 5, 6} for place in range(8)
    ]
    assert slow.made == 5


def test_last_to_come_has_the_next_turn_and_who_gives_up_holds_up_nobody() -> None:
    order: list[int] = []

    async def run() -> None:
        turns, go = Turns(1), asyncio.Event()

        async def take(number: int) -> None:
            async with turns:
                if number == 0:
                    await go.wait()
                order.append(number)

        tasks = []
        for number in range(5):
            tasks.append(asyncio.create_task(take(number)))
            await asyncio.sleep(0)
        tasks[4].cancel()
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with turns:
            order.append(5)

    asyncio.run(run())
    assert order == [0, 3, 2, 1, 5]


def test_turn_is_passed_on_past_who_has_just_left() -> None:
    async def run() -> None:
        turns = Turns(1)

        async def come() -> None:
            async with turns:
                pass

        async with turns:
            first, last = asyncio.create_task(come()), asyncio.create_task(come())
            await asyncio.sleep(0)
            last.cancel()
        async with asyncio.timeout(30):
            await first
            await come()
        assert last.cancelled() or last.cancelling()

    asyncio.run(run())
