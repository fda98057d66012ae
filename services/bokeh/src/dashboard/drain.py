"""Leaving without anybody noticing: visitors go elsewhere first, open pages move, then the process ends."""

import asyncio
import logging
import math

from dashboard.health import Health
from dashboard.traffic import Socket, Traffic

log = logging.getLogger(__name__)

CLOSE_SECONDS = 0.5
"""Time between one websocket closed and the next, at least where there are few, so that the other replicas
are not asked for all pages at once: even if several drain at a time, the ones that stay make each page before
the next is asked for."""

SPREAD_SECONDS = 8.0
"""Time that closing all of them may take; with the rest it stays below what Compose waits for the end."""

IN_FLIGHT_SECONDS = 15.0
"""How long pages that are being answered or have no websocket yet, files on their way to a slow line, and
websockets that are closing are waited for."""

LATE_SECONDS = 1.0
"""Twice what passes between two looks of the proxy (compose.yaml)."""

LATE_MAX_SECONDS = 5.0
"""After which a websocket that comes late is closed though its page has not asked for its document."""

REASON = "the replica is stopping"

SERVICE_RESTART = 1012
"""The close code that tells browsers to come back; they reconnect at once (RFC 6455 registry)."""


def find_spread(sockets: int) -> float:
    """Give the seconds that closing so many websockets takes: a power of two, up to `SPREAD_SECONDS`.

    Replicas that are told to stop together, with about as many pages each, then end together. Where one ends
    before the engine knows that others drain, the proxy takes those for ready until it has looked.
    """
    return min(SPREAD_SECONDS, 2.0 ** math.ceil(math.log2(CLOSE_SECONDS * max(1, sockets))))


def move_late(socket: Socket) -> None:
    """Close a websocket that was opened while others were being closed, once the proxy has had time to look.

    Its page came here as the proxy did not know yet, or had forgotten; closed at once, it would come again.
    """
    asyncio.get_running_loop().call_later(LATE_SECONDS, socket.close, SERVICE_RESTART, REASON)


async def drain(health: Health, traffic: Traffic, seconds: float) -> None:
    """Fail readiness at once, serve on for `seconds`, then close websockets evenly and wait for the rest."""
    health.draining = True
    log.info("draining: not ready any more, serving on for %g s", seconds)
    await asyncio.sleep(seconds)
    traffic.closing = True
    open_sockets = list(traffic.sockets)
    pause = find_spread(len(open_sockets)) / max(1, len(open_sockets))
    log.info("draining: closing %d websockets, one every %.2f s", len(open_sockets), pause)
    begin = asyncio.get_running_loop().time()
    for number, socket in enumerate(open_sockets, start=1):
        socket.close(SERVICE_RESTART, REASON)
        # By the clock: pauses that are each a little too long would add up to more than Compose waits.
        await asyncio.sleep(max(0.0, begin + number * pause - asyncio.get_running_loop().time()))
    try:
        async with asyncio.timeout(IN_FLIGHT_SECONDS):
            while not traffic.is_over:
                await asyncio.sleep(0.02)
    except TimeoutError:
        log.warning("draining: gave up on %d pages and %d websockets", traffic.pages, len(traffic.sockets))
    traffic.over = True
