"""The processor time that an address may have, beside others and alone."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from dashboard.addresses import Addresses
from dashboard.allowance import (
    BURST_SECONDS,
    CROWD,
    CROWD_SECONDS,
    DEBT_SECONDS,
    IDLE_MANY,
    PACE,
    PACE_BURST_SECONDS,
    PACE_DEBT_SECONDS,
    PACE_EACH,
    PACE_HASTY,
    PACE_MAX,
    RETURN_BURST_SECONDS,
    RETURN_PACE_BURST_SECONDS,
    SESSION_SHARE,
    SHARE_MAX,
    WAY_SECONDS,
    Allowance,
    charging,
    taking_time,
)
from dashboard.company import LATELY_SECONDS, Company


@pytest.fixture
def even(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold what was taken against the pace as it is: by how much it varies is chance."""
    monkeypatch.setattr(random, "uniform", lambda least, most: (least + most) / 2)


@contextmanager
def crowding(allowance: Allowance) -> Iterator[None]:
    """Ask for more at once than one reader does, for as long as the context lasts."""
    with ExitStack() as crowd:
        for _ in range(CROWD + 1):
            crowd.enter_context(allowance.asking())
        yield


def test_who_has_had_more_than_the_allowance_waits_until_it_is_made_up_for() -> None:
    async def ask() -> None:
        known = Addresses(share=0.5)
        greedy, other = known.find("a").allowance, known.find("b").allowance
        owed = 0.02
        greedy.charge(BURST_SECONDS + owed)
        start = time.monotonic()
        waiting = asyncio.create_task(greedy.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert not await is_held_back(other)
        await waiting
        # An early tick of the clock is no fault of the wait.
        assert time.monotonic() - start >= 0.9 * owed / 0.5

    asyncio.run(ask())


def test_what_is_within_the_allowance_never_waits() -> None:
    async def ask() -> None:
        allowance = Allowance(0.01)
        allowance.charge(0.9 * BURST_SECONDS)
        waiting = asyncio.create_task(allowance.wait())
        await asyncio.sleep(0)
        assert waiting.done()

    asyncio.run(ask())


async def is_held_back(allowance: Allowance) -> bool:
    asking = asyncio.create_task(allowance.wait())
    await asyncio.sleep(0)
    held = not asking.done()
    asking.cancel()
    return held


def test_each_session_that_is_used_widens_the_share_at_once_up_to_a_bound_and_its_websockets_do_not() -> None:
    async def open_and_close() -> None:
        known = Addresses(share=0.1)
        address = known.find("a")
        whole = address.allowance._whole

        def share() -> float:
            return whole._share

        for number in range(3):
            address.open_socket("one")
            address.open_socket(f"another {number}")
        assert share() == pytest.approx(0.1), "who has done nothing"
        for number in range(3):
            address.audience.use("one")
            address.audience.use(f"another {number}")
        assert share() == pytest.approx(0.1 + 4 * SESSION_SHARE)
        for number in range(1_000):
            address.open_socket(f"many {number}")
            address.audience.use(f"many {number}")
        assert share() == pytest.approx(SHARE_MAX)
        address.allowance.charge(1_000)
        assert await is_held_back(address.allowance), "however many are open"
        for number in range(1_000):
            address.close_socket(f"many {number}")
        address.close_socket("one")
        assert share() == pytest.approx(0.1 + 4 * SESSION_SHARE)
        assert known.count_present() == 1
        for session in ("one", "one", *(f"another {number}" for number in range(3))):
            address.close_socket(session)
        assert share() == pytest.approx(0.1)
        assert known.count_present() == 0

    asyncio.run(open_and_close())


def test_a_crowd_of_one_address_is_paced_beside_others_and_only_then() -> None:
    async def ask() -> None:
        known = Addresses(share=0.5)
        address, other = known.find("a"), known.find("b")
        mine = address.allowance
        mine.charge(0.9 * BURST_SECONDS)
        await other.allowance.wait()
        assert not await is_held_back(mine), "who does one thing after the other"
        with crowding(address.allowance):
            assert await is_held_back(mine)
            assert not await is_held_back(other.allowance), "who has taken little"
            start = time.monotonic()
            await mine.wait()
            took = time.monotonic() - start
            assert took < 1.5 * PACE_DEBT_SECONDS / PACE, "what was taken at once is not held against it"
        mine.charge(0.1 * BURST_SECONDS)
        await other.allowance.wait()
        assert await is_held_back(mine), "who was told to come again comes one by one"
        mine._crowd_at -= CROWD_SECONDS
        assert not mine._is_paced

        known = Addresses(share=0.5)
        address = known.find("a")
        address.allowance.charge(0.9 * BURST_SECONDS)
        with crowding(address.allowance):
            assert not await is_held_back(address.allowance), "nobody else is there"

    asyncio.run(ask())


@pytest.mark.usefixtures("even")
def test_who_gives_way_waits_for_what_is_made_meanwhile_as_well() -> None:
    async def ask() -> None:
        known = Addresses(share=0.5)
        mine, other = known.find("a").allowance, known.find("b").allowance
        await other.wait()
        with crowding(mine):
            mine.charge(0.9 * PACE_BURST_SECONDS)
            with mine.serving():
                waiting = asyncio.create_task(mine.wait())
                await asyncio.sleep(0)
                assert not waiting.done(), "something is being made"
                mine.charge(PACE_DEBT_SECONDS)
            await asyncio.sleep(2 * WAY_SECONDS)
            assert not waiting.done(), "it was of the same address, and took all that it may have"
            waiting.cancel()

    asyncio.run(ask())


@pytest.mark.usefixtures("even")
def test_what_can_be_done_later_waits_for_whose_it_is() -> None:
    async def take_time() -> None:
        async with taking_time():
            pass

    async def ask() -> None:
        known = Addresses(share=0.5)
        mine, other = known.find("a").allowance, known.find("b").allowance
        await other.wait()
        for paced in (False, True):
            with ExitStack() as crowd, charging(mine):
                for _ in range(CROWD + 1 if paced else 1):
                    crowd.enter_context(mine.asking())
                mine.charge(PACE_BURST_SECONDS + PACE_DEBT_SECONDS)
                waiting = asyncio.create_task(take_time())
                await asyncio.sleep(0)
                assert waiting.done() is not paced
                waiting.cancel()

    asyncio.run(ask())


def test_sessions_that_stay_widen_the_pace_of_their_address() -> None:
    allowance = Allowance(0.5)
    for sessions, pace in ((0, PACE), (1, PACE), (30, 30 * PACE_EACH), (1_000, PACE_MAX)):
        allowance.widen(1_000, sessions)
        assert allowance._pace._share == pytest.approx(pace)


def test_many_pages_that_nobody_has_used_narrow_the_pace_of_their_address_until_somebody_does() -> None:
    async def open_many() -> None:
        address = Addresses(share=0.1).find("a")

        def pace() -> float:
            return address.allowance._pace._share

        for number in range(IDLE_MANY):
            address.open_socket(f"class {number}")
        assert pace() == pytest.approx(PACE), "a few that have just sat down"
        for number in range(IDLE_MANY):
            address.open_socket(f"tab {number}")
        assert pace() == pytest.approx(PACE / 2)
        for number in range(IDLE_MANY):
            address.audience.use(f"class {number}")
        assert pace() == pytest.approx(PACE)
        for number in range(1_000):
            address.open_socket(f"more {number}")
        assert pace() == pytest.approx(PACE_HASTY)
        for number in range(1_000):
            address.close_socket(f"more {number}")
        assert pace() == pytest.approx(PACE)
        for number in range(1_000):
            address.open_socket(f"back {number}", returns=True)
        assert pace() == pytest.approx(PACE), "of those that come back it is not known"

    asyncio.run(open_many())


def test_what_is_held_against_the_pace_is_uneven_and_on_average_what_was_taken() -> None:
    charges = []
    for _ in range(2_000):
        allowance = Allowance(0.5)
        allowance.charge(0.01)
        charges.append(allowance._pace._owed / 0.01)
    assert max(charges) > 1.4
    assert min(charges) < 0.6
    assert sum(charges) / len(charges) == pytest.approx(1, abs=0.05)


def test_a_wider_burst_is_earned_with_time() -> None:
    allowance = Allowance(0.5)
    before = allowance._pace.find_wait()
    allowance.widen(10, 10)
    assert allowance._pace.find_wait() * 10 * PACE_EACH == pytest.approx(before * PACE, abs=0.001)
    allowance.charge(10 * PACE_EACH)
    allowance.widen(0, 0)
    assert allowance._pace.find_wait() <= PACE_DEBT_SECONDS / PACE, "who loses it owes no more than others"


def test_pages_that_come_back_are_not_held_against_what_their_address_reads() -> None:
    async def come_back() -> None:
        known = Addresses(share=0.5)
        address, other = known.find("a"), known.find("b")
        address.returns.charge(0.9 * RETURN_BURST_SECONDS)
        assert not await is_held_back(address.returns)
        with crowding(address.returns), crowding(address.allowance):
            await address.allowance.wait()
            assert not await is_held_back(address.returns), "an address is no other to itself"
            await other.allowance.wait()
            assert await is_held_back(address.returns), "beside others"
            assert not await is_held_back(address.allowance)
        address.returns.charge(RETURN_BURST_SECONDS)
        assert await is_held_back(address.returns), "it is bounded too"
        assert not await is_held_back(address.allowance)

    asyncio.run(come_back())


def test_what_one_replica_of_four_had_comes_back_at_once_beside_others() -> None:
    async def come_back() -> None:
        known = Addresses(share=0.5)
        address, other = known.find("a"), known.find("b")
        with crowding(address.returns):
            await other.allowance.wait()
            address.returns.charge(0.9 * RETURN_PACE_BURST_SECONDS)
            assert not await is_held_back(address.returns)

    asyncio.run(come_back())


@pytest.mark.usefixtures("even")
def test_who_has_asked_for_much_beside_others_comes_after_what_is_being_made() -> None:
    async def ask() -> None:
        known = Addresses(share=0.5)
        mine, other = known.find("a").allowance, known.find("b").allowance
        await other.wait()
        with crowding(mine):
            mine.charge(0.9 * PACE_BURST_SECONDS)
            with other.serving():
                assert await is_held_back(mine)
                assert not await is_held_back(other)
                waiting = asyncio.create_task(mine.wait())
                await asyncio.sleep(0)
            async with asyncio.timeout(30):
                await waiting
            with other.serving():
                async with asyncio.timeout(30):
                    # Others may never stop.
                    await mine.wait()

    asyncio.run(ask())


def test_who_asks_is_company_to_others_and_not_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    company = Company()
    first, second, third = "first", "second", "third"
    assert not company.has_others(first)
    company.note(first)
    assert not company.has_others(first)
    assert company.has_others(second)
    now[0] += LATELY_SECONDS / 2
    company.note(second)
    company.note(second)
    assert all(map(company.has_others, (first, second, third)))
    now[0] += 0.9 * LATELY_SECONDS
    assert not company.has_others(second), "the first has long been gone"
    assert company.has_others(first)
    company.note(third)
    assert company.has_others(third), "the second was here"


def test_a_whole_share_is_no_bound() -> None:
    async def ask() -> None:
        allowance = Allowance(1)
        allowance.charge(1_000)
        assert not await is_held_back(allowance)

    asyncio.run(ask())


def test_however_much_was_taken_is_made_up_for_within_seconds() -> None:
    allowance = Allowance(0.5)
    for _ in range(1_000):
        allowance.charge(1)
    assert allowance._find_wait() <= DEBT_SECONDS / 0.5
