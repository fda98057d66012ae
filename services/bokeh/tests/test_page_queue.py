"""Pages are made a few at a time, only while their clients wait, and refused where they would be too late."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from dashboard.http.page_queue import PAGES_AT_A_TIME, ClientLeft, PageQueue, QueueFull


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 30))


async def waits() -> bool:
    return False


async def has_left() -> bool:
    return True


def test_no_more_pages_are_made_at_a_time_than_there_are_turns() -> None:
    most = 0

    async def visit_all() -> None:
        queue, making = PageQueue(), 0

        async def visit() -> None:
            nonlocal most, making
            async with queue.turn(waits):
                making += 1
                most = max(most, making)
                await asyncio.sleep(0)
                making -= 1

        await asyncio.gather(*(visit() for _ in range(8)))

    run(visit_all())
    assert most == PAGES_AT_A_TIME


def test_page_whose_client_has_left_is_not_made_and_holds_up_nobody() -> None:
    made: list[int] = []

    async def visit_all() -> None:
        queue = PageQueue(1)

        async def visit(number: int) -> None:
            async with queue.turn(has_left if number % 2 else waits):
                made.append(number)

        results = await asyncio.gather(*map(visit, range(6)), return_exceptions=True)
        assert [isinstance(result, ClientLeft) for result in results] == [False, True] * 3

    run(visit_all())
    assert sorted(made) == [0, 2, 4]


def test_page_that_gives_up_holds_up_nobody() -> None:
    made: list[int] = []

    async def visit_all() -> None:
        queue, go = PageQueue(1, waiting_max=5), asyncio.Event()

        async def visit(number: int) -> None:
            async with queue.turn(waits):
                await go.wait()
                made.append(number)

        tasks = [asyncio.create_task(visit(number)) for number in range(5)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[2].cancel()
        go.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        await visit(5)

    run(visit_all())
    assert made == [1, 3, 4, 5]


def test_full_queue_refuses_at_once_and_has_room_again_afterwards() -> None:
    async def visit_all() -> None:
        queue, go = PageQueue(1, waiting_max=3), asyncio.Event()

        async def visit(number: int) -> int:
            async with queue.turn(waits):
                await go.wait()
                return number

        tasks = [asyncio.create_task(visit(number)) for number in range(6)]
        await asyncio.wait(tasks[4:])
        assert all(isinstance(task.exception(), QueueFull) for task in tasks[4:])
        go.set()
        assert await asyncio.gather(*tasks[:4]) == [0, 1, 2, 3]
        assert await visit(7) == 7, "a refused page keeps no turn"

    run(visit_all())


def test_pages_that_come_back_wait_however_many_there_are() -> None:
    returned: list[int] = []

    async def come_back_all() -> None:
        queue = PageQueue(1, waiting_max=1)

        async def come_back(number: int) -> None:
            async with queue.turns:
                await asyncio.sleep(0)
                returned.append(number)

        await asyncio.gather(*map(come_back, range(20)))

    run(come_back_all())
    assert returned == list(range(20))
