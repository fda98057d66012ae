"""Pages are made a few at a time, and only for visitors who still wait."""

import asyncio
import threading

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from dashboard import handlers
from dashboard.handlers import PAGES_AT_A_TIME, VisitorLeft, prepare_page
from dashboard.turns import Turns


class Slow:
    """Stands for the process: makes a page when it is let, and notes how many are made at a time."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.making = self.most = self.made = 0
        self._lock = threading.Lock()

    def prepare_page(self, _query: str) -> str:
        with self._lock:
            self.making += 1
            self.most = max(self.most, self.making)
        assert self.may_go.wait(20)
        with self._lock:
            self.making -= 1
            self.made += 1
        return "a page"


def ask(count: int, monkeypatch: pytest.MonkeyPatch, leave: set[int]) -> tuple[Slow, list[object]]:
    """Ask for pages all at once; some visitors leave before the first is made."""
    slow = Slow()
    monkeypatch.setattr(handlers, "running", lambda: slow)

    async def run() -> list[object]:
        monkeypatch.setattr(handlers, "turns", Turns(PAGES_AT_A_TIME))
        gone: set[int] = set()
        line, headers = RequestStartLine("GET", "/", "HTTP/1.1"), HTTPHeaders({"Host": "localhost"})
        requests = [HTTPServerRequest(start_line=line, headers=headers) for _ in range(count)]
        asked = [
            asyncio.create_task(prepare_page(request, lambda place=place: place not in gone))  # type: ignore[misc]
            for place, request in enumerate(requests)
        ]
        while slow.making < PAGES_AT_A_TIME:
            await asyncio.sleep(0.001)
        gone |= leave
        slow.may_go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    return slow, asyncio.run(run())


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
