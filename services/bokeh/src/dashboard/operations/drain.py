"""The end of a replica that no reader notices: visitors go elsewhere, open pages move, the process ends."""

import asyncio
import logging
import math
from collections.abc import Callable

from dashboard.operations.health import Health
from dashboard.operations.in_flight import InFlight, Socket

log = logging.getLogger(__name__)

CLOSE_SECONDS = 0.5
"""Time between two websockets that are closed, where there are few: a page is made before the next is asked
for, also where several replicas drain at a time."""

SPREAD_SECONDS = 8.0
"""Time that closing all websockets may take; with the other two it stays below Compose's grace period."""

IN_FLIGHT_SECONDS = 15.0
"""Time that requests, pages without a websocket and downloads over a slow line are waited for."""

REASON = "the replica is stopping"

SERVICE_RESTART = 1012
"""Close code on which browsers reconnect at once (RFC 6455 registry)."""

LOOK_SECONDS = 0.02


def find_spread(sockets: int) -> float:
    """Return the seconds that closing so many websockets takes: a power of two, up to `SPREAD_SECONDS`.

    Replicas that are told to stop together, with about as many pages each, then end together.
    """
    return min(SPREAD_SECONDS, 2.0 ** math.ceil(math.log2(CLOSE_SECONDS * max(1, sockets))))


async def drain(health: Health, in_flight: InFlight, seconds: float, count_unsent: Callable[[], int]) -> None:
    """Fail readiness at once, serve on for `seconds`, then close websockets evenly and wait for the rest.

    Parameters
    ----------
    count_unsent
        Returns the bytes of all connections that the kernel holds and their other ends have not: they would
        be lost with the network of the container.
    """
    health.draining = True
    log.info("draining: not ready any more, serving on for %g s", seconds)
    await asyncio.sleep(seconds)
    in_flight.closing = True
    count = len(in_flight.sockets)
    pause = find_spread(count) / max(1, count)
    log.info("draining: closing %d websockets, one every %.2f s", count, pause)
    try:
        async with asyncio.timeout(find_spread(count) + IN_FLIGHT_SECONDS):
            await _close_all(in_flight, pause)
            while count_unsent():
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        log.warning(
            "draining: gave up on %d requests and %d websockets", in_flight.requests, len(in_flight.sockets)
        )
    in_flight.over = True


async def _close_all(in_flight: InFlight, pause: float) -> None:
    """Close websockets, those included that are opened meanwhile, until nothing is under way."""
    loop = asyncio.get_running_loop()
    closed: set[Socket] = set()
    closing: set[asyncio.Task[None]] = set()
    due = loop.time()
    while not in_flight.is_empty:
        socket = next((one for one in in_flight.sockets if one not in closed and one.is_settled), None)
        if socket is None:
            await asyncio.sleep(LOOK_SECONDS)
            continue
        closed.add(socket)
        # Not awaited: a client that takes nothing would hold up the others.
        task = loop.create_task(socket.close(SERVICE_RESTART, REASON))
        closing.add(task)
        task.add_done_callback(closing.discard)
        # By the clock: pauses that are each a little too long would add up.
        due += pause
        await asyncio.sleep(max(0.0, due - loop.time()))
