"""Who asks for much waits, and nobody else does."""

import asyncio

import pytest

from conftest import until
from dashboard import addresses, audience
from dashboard.addresses import (
    ADDRESSES_MAX,
    CHANGES_AT_A_TIME,
    Address,
    Addresses,
    Place,
    TooMuch,
    name_network,
)
from dashboard.allowance import (
    BURST_SECONDS,
    IDLE_MANY,
    PACE,
    PACE_EACH,
    PACE_HASTY,
    SESSION_SHARE,
    Allowance,
)


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
    monkeypatch.setattr(audience, "SETTLED_SECONDS", 0.01)

    async def stay() -> None:
        address = Addresses(share=0.1).find("a")
        for number in range(10):
            address.open_socket(f"session {number}")
        await until(lambda: len(address.audience._settled) == 10)
        assert address.allowance._pace._share == pytest.approx(PACE * IDLE_MANY / 10)
        for number in range(2):
            address.audience.use(f"session {number}")
        assert address.allowance._pace._share == pytest.approx(2 * PACE_EACH), "as soon as they are used"

    asyncio.run(stay())


def test_the_rest_of_a_page_that_was_given_waits_for_no_place() -> None:
    async def come() -> None:
        address = Addresses(share=0.9).find("a")
        held = await fill(address)
        address.allowance.charge(10 * BURST_SECONDS)
        (await address.take_document("one", first=True)).leave()
        for place in held:
            place.leave()

    asyncio.run(come())


def test_page_that_comes_back_waits_for_nothing_that_its_address_had_and_not_again_at_once() -> None:
    async def come() -> None:
        address = Addresses(share=0.1).find("a")
        held = await fill(address)
        address.allowance.charge(10 * BURST_SECONDS)
        address.open_socket("one", returns=True)
        place = await address.take_document("one", first=False)
        assert place.allowance is address.returns, "and is not held against it"
        place.leave()
        address.close_socket("one")
        address.open_socket("one")
        again = asyncio.create_task(address.take_document("one", first=False))
        address.open_socket("another", returns=True)
        (await address.take_document("another", first=False)).leave()
        await asyncio.sleep(0)
        assert not again.done()
        again.cancel()
        for place in held:
            place.leave()

    asyncio.run(come())


def test_session_comes_back_that_is_from_elsewhere_or_had_no_websocket_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def come() -> None:
        sessions = Addresses(share=0.1).find("a").audience
        sessions.open("one")
        assert not sessions.comes_back("one"), "its page was given here, however long ago"
        sessions.open("one")
        sessions.close("one")
        assert not sessions.comes_back("one"), "it has had a websocket all the time"
        sessions.close("one")
        sessions.open("one")
        sessions.open("one")
        assert not sessions.comes_back("one"), "it has two"
        sessions.open("other", returns=True)
        for session in ("one", "other"):
            sessions.close(session)
        sessions.close("one")
        for session in ("one", "other"):
            sessions.open(session)
            assert sessions.comes_back(session)
            assert not sessions.comes_back(session), "once for a websocket"
            sessions.close(session)
            sessions.open(session)
            assert not sessions.comes_back(session), "it just did"
            sessions.close(session)
            sessions.open(session)
        monkeypatch.setattr(audience, "RETURN_AGAIN_SECONDS", 0)
        assert sessions.comes_back("one"), "some time later"

    asyncio.run(come())


def test_session_that_was_used_is_one_when_it_has_a_websocket_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "REMEMBERED_MAX", 4)

    async def come_and_go() -> None:
        address = Addresses(share=0.1).find("a")

        def share() -> float:
            return address.allowance._whole._share

        for number in range(4):
            address.open_socket(f"used {number}")
            address.audience.use(f"used {number}")
        address.open_socket("looked at")
        wide = share()
        for number in range(4):
            address.close_socket(f"used {number}")
        address.close_socket("looked at")
        assert share() == pytest.approx(0.1)
        for number in (3, 2, 1):
            address.open_socket(f"used {number}")
        assert share() == pytest.approx(wide - SESSION_SHARE)
        address.open_socket("looked at")
        address.open_socket("used 0")
        assert share() == pytest.approx(wide - SESSION_SHARE), "the first to leave is forgotten first"

    asyncio.run(come_and_go())


def test_a_session_that_is_held_up_widens_nothing_before_it_was_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(audience, "SETTLED_SECONDS", 0.01)

    async def stay() -> None:
        address = Addresses(share=0.9).find("a")
        held = await fill(address)
        waiting = asyncio.create_task(address.take_place("held up"))
        for session in ("held up", "answered"):
            address.open_socket(session)
            address.audience.use(session)
        await until(lambda: "answered" in address.audience._settled)
        assert "held up" not in address.audience._settled
        for place in held:
            place.leave()
        (await waiting).leave()
        await until(lambda: "held up" in address.audience._settled)

    asyncio.run(stay())


def test_a_session_that_asks_in_haste_widens_nothing_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "SETTLED_SECONDS", 0.01)

    async def press() -> None:
        address = Addresses(share=0.1).find("a")

        def pace() -> float:
            return address.allowance._pace._share

        for number in range(4):
            address.open_socket(f"session {number}")
            address.audience.use(f"session {number}")
        await until(lambda: pace() == pytest.approx(4 * PACE_EACH))
        address.audience.press("session 0")
        address.audience.press("session 0")
        assert pace() == pytest.approx(3 * PACE_EACH)
        for number in range(1, 4):
            address.audience.press(f"session {number}")
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
