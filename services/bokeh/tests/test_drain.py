"""The end of a process: it is not ready at once, and moves its pages first."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from synthetic import publish
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClientConnection, websocket_connect
from visits import Visit, read_block

from conftest import Service, eventually
from dashboard.operations.drain import REASON, SERVICE_RESTART, SPREAD_SECONDS, drain, find_spread
from dashboard.operations.health import Health
from dashboard.operations.in_flight import FIRST_SOCKET_SECONDS, InFlight


async def read_whole(socket: WebSocketClientConnection) -> bytes:
    parts = [await socket.read_message() for _ in range(3)]
    return b"".join(part if isinstance(part, bytes) else str(part).encode() for part in parts)


@pytest.mark.parametrize(
    ("sockets", "seconds"), [(1, 0.5), (2, 1), (4, 2), (11, 8), (14, 8), (16, 8), (300, SPREAD_SECONDS)]
)
def test_replicas_with_about_as_many_pages_that_stop_together_end_together(
    sockets: int, seconds: float
) -> None:
    assert find_spread(sockets) == seconds


def test_sigterm_fails_readiness_first_then_moves_pages_then_ends(service: Service) -> None:
    publish(service.root)
    service.start(DRAIN_SECONDS="1.5")
    eventually(service.ready)

    async def visit_and_stop() -> tuple[int | None, float]:
        token = read_block(service.ask()[1], "render-item")["token"]
        socket = await websocket_connect(service.ask_socket(), subprotocols=["bokeh", token])
        assert b"ACK" in await read_whole(socket)
        service.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        await asyncio.to_thread(eventually, lambda: not service.ready(), 1)
        assert (await asyncio.to_thread(service.ask))[0] == 200, "pages are served while the proxy finds out"
        assert (await asyncio.to_thread(service.ask, "/live", service.health_port))[0] == 200
        while await socket.read_message() is not None:
            pass
        return socket.close_code, time.monotonic() - began

    code, seconds = asyncio.run(visit_and_stop())
    assert code == 1012
    assert seconds >= 1.5
    assert service.process.wait(10) == 0


@contextmanager
def closing(service: Service) -> Iterator[list[Visit]]:
    """Yield a service that is closing the websockets of its pages, and will be for some seconds."""
    publish(service.root)
    service.start()
    eventually(service.ready)
    visits = [Visit(service) for _ in range(8)]
    service.process.send_signal(signal.SIGTERM)
    eventually(lambda: "draining: closing" in service.read_log())
    yield visits
    assert service.process.wait(20) == 0
    assert "gave up" not in service.read_log()


def test_a_page_that_is_handed_out_while_others_move_is_whole_before_it_moves(service: Service) -> None:
    with closing(service):
        late = Visit(service)
        assert late.words["view"] == "dashboard"
        assert late.wait_until_closed() == 1012


def test_a_websocket_that_comes_late_and_asks_for_nothing_is_closed_with_a_code(service: Service) -> None:
    with closing(service):
        token = read_block(service.ask()[1], "render-item")["token"]

        async def open_and_wait() -> int | None:
            socket = await websocket_connect(service.ask_socket(), subprotocols=["bokeh", token])
            while await socket.read_message() is not None:
                pass
            return socket.close_code

        assert asyncio.run(open_and_wait()) == SERVICE_RESTART


pass_on = asyncio.sleep


@dataclass
class Clock:
    """A clock that goes on when somebody waits, and then by more than was asked for."""

    now: float = 0.0

    async def sleep(self, seconds: float) -> None:
        await pass_on(0)
        self.now += seconds + 0.1 if seconds else 0.0


class Slow:
    """A websocket whose closing takes longer than the pause between two."""

    is_settled = True

    def __init__(self, in_flight: InFlight, clock: Clock, closed_at: list[float]) -> None:
        self._in_flight, self._clock, self._closed_at = in_flight, clock, closed_at
        in_flight.sockets[self] = None

    async def close(self, code: int, reason: str) -> None:
        assert (code, reason) == (SERVICE_RESTART, REASON)
        self._clock.now += 0.005
        self._closed_at.append(self._clock.now)
        del self._in_flight.sockets[self]


def test_closing_many_websockets_takes_no_longer_on_a_slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, in_flight, closed_at = Clock(), InFlight(), list[float]()
    held = [Slow(in_flight, clock, closed_at) for _ in range(600)]

    async def leave() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: clock.now)
        monkeypatch.setattr(asyncio, "sleep", clock.sleep)
        await drain(Health(), in_flight, 3, lambda: 0)
        monkeypatch.undo()

    asyncio.run(leave())
    assert len(closed_at) == len(held)
    assert closed_at[-1] - closed_at[0] < SPREAD_SECONDS + 1
    assert in_flight.over


def test_websocket_that_takes_no_close_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, in_flight, closed_at = Clock(), InFlight(), list[float]()
    Slow(in_flight, clock, closed_at)

    class Stuck(Slow):
        async def close(self, code: int, reason: str) -> None:
            await asyncio.get_running_loop().create_future()

    stuck = Stuck(in_flight, clock, closed_at)
    Slow(in_flight, clock, closed_at)

    async def leave() -> None:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: clock.now)
        monkeypatch.setattr(asyncio, "sleep", clock.sleep)
        await drain(Health(), in_flight, 3, lambda: 0)
        monkeypatch.undo()

    asyncio.run(leave())
    assert len(closed_at) == 2
    assert list(in_flight.sockets) == [stuck]
    assert in_flight.over


def test_a_page_that_moves_away_is_not_taken_back(service: Service) -> None:
    with closing(service) as visits:
        assert visits[0].wait_until_closed() == 1012
        with pytest.raises(HTTPClientError, match="503"):
            Visit(service, token=visits[0].token)


def test_a_page_whose_websocket_may_still_come_holds_up_the_end_for_a_moment_only() -> None:
    now = 100.0
    in_flight = InFlight()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: now)
        in_flight.expect_socket("one")
        in_flight.expect_socket("another")
        assert in_flight.expects("one")
        with in_flight.socket("one", Slow(InFlight(), Clock(), [])):
            assert not in_flight.expects("one")
        assert not in_flight.is_empty
        now += FIRST_SOCKET_SECONDS + 0.1
        assert not in_flight.expects("another")
        assert in_flight.is_empty
