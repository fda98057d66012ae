"""Who asks for much waits, and nobody else does."""

import asyncio

import pytest

from dashboard import places
from dashboard.places import CHANGES_AT_A_TIME, Places


async def fill(all_places: Places, address: str) -> list[places.Place]:
    return [await all_places.take(address) for _ in range(CHANGES_AT_A_TIME)]


def test_an_address_has_so_many_places_and_others_have_their_own() -> None:
    async def come() -> None:
        all_places = Places()
        held = await fill(all_places, "a")
        waiting = [asyncio.create_task(all_places.take("a")) for _ in range(3)]
        await fill(all_places, "b")
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
    monkeypatch.setattr(places, "HOLD_SECONDS", 0.01)

    async def wait() -> None:
        all_places = Places()
        held = await fill(all_places, "a")
        async with asyncio.timeout(30):
            (await all_places.take("a")).leave()
        for place in held:
            place.leave()

    asyncio.run(wait())


def test_an_address_that_is_gone_is_forgotten() -> None:
    async def come_and_go() -> None:
        all_places = Places()
        for number in range(100):
            (await all_places.take(str(number))).leave()
        assert len(all_places) <= 1

    asyncio.run(come_and_go())
