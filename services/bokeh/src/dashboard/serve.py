"""One server process: pages and websockets under uvicorn, probes on another port; drains on SIGTERM."""

import asyncio
import fcntl
import logging
import os
import socket
import struct
import sys
import termios
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import override

# Before `websockets` is imported, which reads them then: a header that uvicorn accepts would otherwise leave
# its handshake without an answer.
os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", "1048576")
os.environ.setdefault("WEBSOCKETS_MAX_NUM_HEADERS", "65536")

import uvicorn
from starlette.applications import Starlette

from dashboard.application_state import ApplicationState, make_state
from dashboard.http.socket_protocol import SocketProtocol
from dashboard.logs import configure_logging
from dashboard.operations.drain import drain
from dashboard.operations.garbage import keep_collecting, keep_young
from dashboard.operations.health import keep_asking_threads, keep_beating
from dashboard.operations.metrics import LOOP_LAG_SECONDS, REGISTRY, Pauses, Served, write_metrics
from dashboard.operations.probes import ProbeServer
from dashboard.operations.readiness import keep_trying
from dashboard.operations.watchdog import keep_armed
from dashboard.settings import Settings
from dashboard.site import make_site

log = logging.getLogger(__name__)

WORK_THREADS = 4
"""Threads on which documents are built, changed and written. More would take time from the event loop."""

SWITCH_SECONDS = 0.001
"""Time that a thread that computes keeps the event loop waiting; Python's own default is five times that."""

MESSAGE_MAX_BYTES = 1_048_576
"""One message of a browser; widgets send a few hundred bytes."""

HEADER_MAX_BYTES = 32_768
"""Headers of a request that have not come whole; the proxy refuses 16 KiB."""

PING_SECONDS = 20.0
"""Time between two pings of a websocket, and time in which its client has to answer one."""

TAKE_MILLISECONDS = 15_000
"""Time after which a connection ends if its other end acknowledges nothing (TCP_USER_TIMEOUT)."""

END_SECONDS = 1
"""Time for idle connections to end after the drain."""

BACKLOG = 2_048


class Server(uvicorn.Server):
    """uvicorn, which on a signal sets an event and goes on to serve."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop = asyncio.get_running_loop()
        self.signalled = asyncio.Event()

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self.signalled.set)

    def count_unsent(self) -> int:
        """Return the bytes sent on any connection and not yet acknowledged."""
        count = 0
        for connection in self.server_state.connections:
            with suppress(OSError, ValueError):
                held = connection.transport.get_extra_info("socket").fileno()
                [unsent] = struct.unpack("i", fcntl.ioctl(held, termios.TIOCOUTQ, bytes(4)))
                count += unsent
        return count


def make_server(site: Starlette) -> Server:
    """Configure uvicorn, every option that matters explicit."""
    return Server(
        uvicorn.Config(
            site,
            http="h11",
            h11_max_incomplete_event_size=HEADER_MAX_BYTES,
            ws=SocketProtocol,
            ws_max_size=MESSAGE_MAX_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            # The address of a client is used nowhere; the proxy tells the scheme that its browser used.
            proxy_headers=True,
            forwarded_allow_ips="*",
            timeout_graceful_shutdown=END_SECONDS,
        )
    )


def listen(port: int) -> socket.socket:
    """Open the port for pages and websockets."""
    listener = socket.create_server(("", port), backlog=BACKLOG)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TAKE_MILLISECONDS)
    return listener


async def serve(state: ApplicationState, ready: Callable[[], None]) -> None:
    """Serve until told to stop, then drain and stop; call `ready` once a page has been built."""
    settings = state.settings
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(WORK_THREADS, "work"))
    sys.setswitchinterval(SWITCH_SECONDS)
    server = make_server(make_site(state))
    probes = ProbeServer(state.health, settings.health_port, lambda: len(state.notifier), write_metrics)
    pauses = Pauses()
    REGISTRY.register(Served(state, pauses))
    probes.start()
    serving = asyncio.create_task(server.serve(sockets=[listen(settings.port)]))
    tasks = [
        asyncio.create_task(keep_armed()),
        asyncio.create_task(keep_beating(state.health, LOOP_LAG_SECONDS.observe)),
        asyncio.create_task(keep_asking_threads(state.health)),
        asyncio.create_task(keep_trying(state, ready)),
        asyncio.create_task(keep_collecting(lambda: len(state.notifier), lambda: state.notifier.ended)),
    ]
    keep_young()
    pauses.watch()
    log.info("replica %s serves on port %d", settings.replica, settings.port)
    signalled = asyncio.create_task(server.signalled.wait())
    await asyncio.wait([serving, signalled], return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        await drain(state.health, state.in_flight, settings.drain_seconds, server.count_unsent)
        server.should_exit = True
    for task in tasks:
        task.cancel()
    await serving
    probes.stop()
    log.info("stopped")


def run(settings: Settings, ready: Callable[[], None]) -> None:
    """Run the service from the directory that holds its ``app/`` and ``assets/``, until told to stop."""
    configure_logging(settings.log_level, settings.replica)
    asyncio.run(serve(make_state(settings), ready))
