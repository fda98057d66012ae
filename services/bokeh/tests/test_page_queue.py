"""Pages are made a few at a time, the last to come first, and only while their clients wait."""

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


def test_last_to_come_is_served_first_and_a_cancelled_one_holds_up_nobody() -> None:
    order: list[int] = []

    async def visit_all() -> None:
        queue, go = PageQueue(1), asyncio.Event()

        async def visit(number: int) -> None:
            async with queue.turn():
                if number == 0:
                    await go.wait()
                order.append(number)

        tasks = []
        for number in range(5):
            tasks.append(asyncio.create_task(visit(number)))
            await asyncio.sleep(0)
        tasks[4].cancel()
        await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        await visit(5)

    run(visit_all())
    assert order == [0, 3, 2, 1, 5]


def test_turn_is_passed_on_where_its_holder_is_cancelled_in_that_moment() -> None:
    async def visit_all() -> None:
        queue = PageQueue(1)

        async def visit() -> None:
            async with queue.turn():
                pass

        async with queue.turn():
            first, last = asyncio.create_task(visit()), asyncio.create_task(visit())
            await asyncio.sleep(0)
        # The turn has been given to the last, which has not run since.
        last.cancel()
        await first
        await visit()

    run(visit_all())


def test_full_queue_refuses_the_page_that_has_waited_longest() -> None:
    async def visit_all() -> None:
        queue, go = PageQueue(1, waiting_max=3), asyncio.Event()

        async def visit(number: int) -> int:
            async with queue.turn():
                await go.wait()
                return number

        tasks = []
        for number in range(6):
            tasks.append(asyncio.create_task(visit(number)))
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        go.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [result for result in results if isinstance(result, int)] == [0, 3, 4, 5]
        assert all(isinstance(result, QueueFull) for result in results[1:3])
        assert await visit(7) == 7, "a refused page keeps no turn"

    run(visit_all())
