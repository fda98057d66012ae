"""The engine is told at once that a replica drains or is ready again, and else asked to wait."""

import asyncio
import json
import signal
import time

import pytest
from synthetic import publish

from conftest import PATIENCE, Service, eventually
from dashboard.operations import container_health
from dashboard.operations.container_health import HOLD_SECONDS, ContainerHealth
from dashboard.operations.health import Health


@pytest.fixture
def health(monkeypatch: pytest.MonkeyPatch) -> Health:
    """A process where pages can be built; what is told of it is held a moment."""
    monkeypatch.setattr(container_health, "HOLD_SECONDS", 0.3)
    monkeypatch.setattr(container_health, "POLL_SECONDS", 0.01)
    return Health(build_fault=None)


async def stays() -> bool:
    return False


async def has_left() -> bool:
    return True


def take(look: ContainerHealth, health: Health) -> tuple[bool, bool]:
    """Look once; give what was told, and whether it was held."""
    health.beat()
    began = time.monotonic()
    ready, _ = asyncio.run(asyncio.wait_for(look.check(stays), HOLD_SECONDS))
    return ready, time.monotonic() - began >= container_health.HOLD_SECONDS


def test_engine_is_told_once_that_visitors_may_come(health: Health) -> None:
    look = ContainerHealth(health)
    assert [take(look, health) for _ in range(3)] == [(True, False), (True, True), (True, True)]


def test_engine_is_told_of_draining_as_often_as_it_takes_to_believe_it(health: Health) -> None:
    look = ContainerHealth(health)
    take(look, health)
    health.draining = True
    assert [take(look, health) for _ in range(3)] == [(False, False), (False, False), (False, True)]


def test_engine_is_not_told_at_once_of_what_may_pass(health: Health) -> None:
    look = ContainerHealth(health)
    take(look, health)
    health.build_fault = "of a moment"
    assert [take(look, health) for _ in range(2)] == [(False, True), (False, True)]
    health.build_fault = None
    assert take(look, health) == (True, False), "and at once that it has"


def test_engine_that_may_have_forgotten_is_told_again(
    health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = ContainerHealth(health)
    take(look, health)
    monkeypatch.setattr(container_health, "AGAIN_SECONDS", 0.0)
    assert take(look, health) == (True, False)


def test_look_that_nobody_waits_for_any_more_ends(health: Health) -> None:
    look = ContainerHealth(health)
    take(look, health)
    began = time.monotonic()
    asyncio.run(look.check(has_left))
    assert time.monotonic() - began < container_health.HOLD_SECONDS


def test_look_that_is_held_is_answered_as_soon_as_the_process_drains_and_costs_its_end_nothing(
    service: Service,
) -> None:
    publish(service.root)
    service.start(DRAIN_SECONDS="3")
    eventually(service.ready)

    async def look() -> tuple[int, float]:
        began = time.monotonic()
        status, _ = await asyncio.to_thread(service.ask, "/ready?hold=yes", service.health_port)
        return status, time.monotonic() - began

    async def stop_while_held() -> None:
        status, _ = await look()
        assert status == 200
        held = asyncio.create_task(look())
        # What is asked later is answered, so the first is held by now.
        for _ in range(3):
            assert (await asyncio.to_thread(service.ready)) is True
        assert not held.done()
        service.process.send_signal(signal.SIGTERM)
        for status, seconds in (await held, await look()):
            assert status == 503
            assert seconds < min(HOLD_SECONDS, PATIENCE * 3)
        # The third is delayed until the process ends.
        assert (await look())[0] == 503

    asyncio.run(stop_while_held())
    assert service.process.wait(10) == 0
    assert {json.loads(line)["level"] for line in service.read_log().splitlines()} == {"info"}
