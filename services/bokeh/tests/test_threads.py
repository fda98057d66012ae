"""Threads count what they do for whoever has asked for it, and one address keeps few of them busy."""

import asyncio
import threading
import time

import pytest

from conftest import until
from dashboard.allowance import THREADS_EACH, Allowance, charging
from dashboard.threads import WITH_LOOP, CountingThreads


def test_threads_count_the_processor_time_of_whoever_asked_and_of_what_follows() -> None:
    charged: list[float] = []

    class Noting(Allowance):
        def charge(self, seconds: float) -> None:
            charged.append(seconds)

    def work(seconds: float) -> None:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(CountingThreads(1))
        followed = asyncio.Event()

        async def follow() -> None:
            await loop.run_in_executor(None, work, 0.03)
            followed.set()

        def work_and_ask_for_more() -> None:
            work(0.02)
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(follow()))

        await loop.run_in_executor(None, work, 0.01)
        assert charged == [], "nobody has asked"
        with charging(Noting(1)):
            await loop.run_in_executor(None, work_and_ask_for_more)
        await followed.wait()
        await until(lambda: len(charged) == 2)

    asyncio.run(ask())
    first, second = charged
    assert first >= WITH_LOOP * 0.02
    assert second >= WITH_LOOP * 0.03


def test_one_address_keeps_few_threads_busy_and_others_find_theirs() -> None:
    async def ask() -> None:
        loop, going = asyncio.get_running_loop(), threading.Event()
        pools = CountingThreads(8), CountingThreads(8)
        busy: list[int] = []

        def work() -> None:
            busy.append(1)
            going.wait(30)

        with charging(Allowance(0.9)):
            asked = [loop.run_in_executor(pool, work) for pool in pools for _ in range(4)]
        for pool in pools:
            assert await loop.run_in_executor(pool, lambda: "nobody's") == "nobody's"
            with charging(Allowance(0.9)):
                assert await loop.run_in_executor(pool, lambda: "another's") == "another's"
        await until(lambda: len(busy) == THREADS_EACH)
        asked[-1].cancel()
        going.set()
        await asyncio.gather(*asked[:-1])
        assert len(busy) == len(asked) - 1, "what nobody waits for is not done"

    asyncio.run(ask())


def test_work_that_fails_says_so_and_lets_the_next_one_begin() -> None:
    async def ask() -> None:
        loop, pool = asyncio.get_running_loop(), CountingThreads(1)
        with charging(Allowance(0.9)):
            for _ in range(3 * THREADS_EACH):
                with pytest.raises(ZeroDivisionError):
                    await loop.run_in_executor(pool, lambda: 1 // 0)
            pool.shutdown()
            with pytest.raises(asyncio.CancelledError):
                await loop.run_in_executor(pool, lambda: 1)

    asyncio.run(ask())


def test_a_whole_share_has_all_threads() -> None:
    async def ask() -> None:
        loop, pool, together = asyncio.get_running_loop(), CountingThreads(4), threading.Barrier(4)
        with charging(Allowance(1)):
            await asyncio.gather(*(loop.run_in_executor(pool, together.wait, 30) for _ in range(4)))

    asyncio.run(ask())
