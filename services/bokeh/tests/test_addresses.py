"""Who asks for much waits, and nobody else does."""

import asyncio

import pytest

from conftest import until
from dashboard import addresses
from dashboard.addresses import (
    ADDRESSES_MAX,
    CHANGES_AT_A_TIME,
    Address,
    Addresses,
    Place,
    TooMuch,
    name_network,
)
from dashboard.allowance import BURST_SECONDS, IDLE_MANY, PACE, PACE_EACH, PACE_HASTY, Allowance


async def fill(address: Address) -> list[Place]:
    return [await address.take_place("one") for _ in range(CHANGES_AT_A_TIME)]


def test_an_address_has_so_many_places_and_others_have_their_own() -> None:
    async def come() -> None:
        known = Addresses(share=0.9)
        mine = known.find("a")
        held = await fill(mine)
        waiting = [asyncio.create_task(mine.take_place("one")) for _ in range(3)]
        await fill(known.find("b"))
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        held[0].leave()
        held[0].leave()
        first = await waiting[0]
        await asyncio.sleep(0)
        assert not waiting[1].done(), "a place that is left twice is had once"
        for place in (*held[1:], first):
            place.leave()
        for task in waiting[1:]:
            (await task).leave()

    asyncio.run(come())


def test_a_change_that_lasts_holds_its_place_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "HOLD_SECONDS", 0.01)

    async def wait() -> None:
        address = Addresses(share=0.9).find("a")
        held = await fill(address)
        async with asyncio.timeout(30):
            (await address.take_place("one")).leave()
        for place in held:
            place.leave()

    asyncio.run(wait())


def test_an_address_that_is_gone_is_forgotten_after_many_others() -> None:
    known = Addresses(share=1)
    first = known.find("first")
    for number in range(ADDRESSES_MAX - 1):
        known.find(str(number))
        assert known.find("first") is first
    for number in range(ADDRESSES_MAX):
        known.find(f"other {number}")
    assert known.find("first") is not first


def test_tabs_that_nobody_uses_widen_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "SETTLED_SECONDS", 0.01)

    async def stay() -> None:
        address = Addresses(share=0.1).find("a")
        for number in range(10):
            address.open_socket(f"session {number}")
        await until(lambda: len(address._settled) == 10)
        assert address.allowance._pace._share == pytest.approx(PACE * IDLE_MANY / 10)
        for number in range(2):
            address.use(f"session {number}")
        assert address.allowance._pace._share == pytest.approx(2 * PACE_EACH), "as soon as they are used"

    asyncio.run(stay())


def test_the_rest_of_a_page_that_was_given_waits_for_no_place() -> None:
    async def come() -> None:
        address = Addresses(share=0.9).find("a")
        held = await fill(address)
        address.allowance.charge(10 * BURST_SECONDS)
        (await address.take_rest()).leave()
        for place in held:
            place.leave()

    asyncio.run(come())


def test_a_session_that_is_held_up_widens_nothing_before_it_was_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "SETTLED_SECONDS", 0.01)

    async def stay() -> None:
        address = Addresses(share=0.9).find("a")
        held = await fill(address)
        waiting = asyncio.create_task(address.take_place("held up"))
        for session in ("held up", "answered"):
            address.open_socket(session)
            address.use(session)
        await until(lambda: "answered" in address._settled)
        assert "held up" not in address._settled
        for place in held:
            place.leave()
        (await waiting).leave()
        await until(lambda: "held up" in address._settled)

    asyncio.run(stay())


def test_a_session_that_asks_in_haste_widens_nothing_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "SETTLED_SECONDS", 0.01)

    async def press() -> None:
        address = Addresses(share=0.1).find("a")

        def pace() -> float:
            return address.allowance._pace._share

        for number in range(4):
            address.open_socket(f"session {number}")
            address.use(f"session {number}")
        await until(lambda: pace() == pytest.approx(4 * PACE_EACH))
        address.press("session 0")
        address.press("session 0")
        assert pace() == pytest.approx(3 * PACE_EACH)
        for number in range(1, 4):
            address.press(f"session {number}")
        assert pace() == pytest.approx(PACE_HASTY)
        address.close_socket("session 0")
        await until(lambda: pace() == pytest.approx(3 * PACE_EACH))

    asyncio.run(press())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("", "unknown", False),
    ],
)
def test_all_addresses_that_a_client_of_ipv6_has_are_one(one: str, other: str, *, same: bool) -> None:
    assert (name_network(one) == name_network(other)) is same
    known = Addresses(0.5)
    assert (known.find(one) is known.find(other)) is same


def test_an_answer_that_would_come_too_late_is_refused_and_holds_no_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "PATIENCE_SECONDS", (0.01, 0.01))

    async def ask() -> None:
        address = Addresses(share=0.01).find("a")
        address.allowance.charge(BURST_SECONDS + 1)
        for turns in (address.pages, address.changes):
            for _ in range(3):
                with pytest.raises(TooMuch):
                    async with address.answering(turns):
                        pass
            async with turns:
                with pytest.raises(TooMuch):
                    async with address.answering(address.pages):
                        pass
        async with address.pages, asyncio.timeout(30):
            pass

    asyncio.run(ask())


def test_who_is_within_the_allowance_is_not_refused_however_long_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "PATIENCE_SECONDS", (0.001, 0.001))
    looks: list[bool] = []

    class Noting(Allowance):
        @property
        def is_short(self) -> bool:
            looks.append(super().is_short)
            return looks[-1]

    async def ask() -> None:
        address, answered = Addresses(share=0.01).find("a"), asyncio.Event()
        address.allowance = Noting(0.01)

        async def come() -> None:
            async with address.answering(address.pages):
                answered.set()

        async with address.pages:
            coming = asyncio.create_task(come())
            await until(lambda: len(looks) > 3)
            assert not coming.done()
        await coming
        assert answered.is_set()
        async with address.pages:
            address.allowance.charge(BURST_SECONDS + 1)
            with pytest.raises(TooMuch):
                await come()
        async with address.pages, asyncio.timeout(30):
            pass

    asyncio.run(ask())
