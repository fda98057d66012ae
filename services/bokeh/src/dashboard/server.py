"""One server process: the page at /, its websocket at /ws, health on another port; stops on SIGTERM."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from typing import Any, cast

from bokeh.application import Application
from bokeh.server import urls
from bokeh.server.server import Server
from bokeh.settings import settings as bokeh_settings
from tornado.log import access_log

from dashboard.application import PageBuilder, read_theme
from dashboard.asset_handler import AssetHandler
from dashboard.assets import PREFIX
from dashboard.download import PATTERN, DownloadHandler
from dashboard.drain import drain
from dashboard.garbage import keep_young
from dashboard.health import keep_asking_threads, keep_beating
from dashboard.health_server import HealthServer
from dashboard.logs import configure_logging
from dashboard.metrics import LOOP_LAG_SECONDS, REGISTRY, Pauses, Served, write_metrics
from dashboard.page_handler import PageHandler
from dashboard.process import Process, running
from dashboard.secured import MissingHandler
from dashboard.socket_handler import SocketHandler
from dashboard.studies import StudiesHandler
from dashboard.table_pages import TableHandler
from dashboard.threads import CountingThreads
from dashboard.traffic import traffic
from dashboard.trial import try_builds
from dashboard.watchdog import Watchdog
from dashboard.writing import write_patches_so

log = logging.getLogger(__name__)

KEEP_ALIVE_MS = 30_000
CHECK_UNUSED_MS = 1_000
SWITCH_SECONDS = 0.001
"""How long a thread that computes keeps the event loop waiting; Python's own default is five times that."""

MESSAGE_MAX_BYTES = 1_048_576
"""What a browser may send in one message; widgets send a few hundred bytes."""

RESPONDING_THREADS = 4
"""That write changes and documents for browsers, as many as Bokeh has."""

HEADER_MAX_BYTES = 32_768
"""Of a request; the proxy refuses at less."""

BODY_MAX_BYTES = 4_096
"""Of a request, and held in memory; no request of ours has one."""

REQUEST_SECONDS = 10.0


def make_server(process: Process, application: Application) -> Server:
    """Make the Bokeh server, every option explicit.

    Session tokens are signed with the secret shared by all replicas, and carry no header and no cookie.
    """
    settings = process.settings
    # Bokeh has no option for its handlers; its own metadata and autoload routes are left out on purpose.
    # It checks every new document for models out of place as well: 12 ms a visit, and our tests do it.
    bokeh_settings.perform_document_validation = False
    write_patches_so()
    urls.per_app_patterns[:] = [
        (r"/?", PageHandler),
        (r"/ws", SocketHandler),
        (r"/studies/?", StudiesHandler),
        (r"/data/([a-z-]{1,40})\.(csv|json)", TableHandler),
        (PATTERN, DownloadHandler),
        (rf"/static/{PREFIX}/(.*)", AssetHandler),
    ]
    return Server(
        {"/": application},
        port=settings.port,
        allow_websocket_origin=settings.websocket_origins,
        use_xheaders=True,
        use_index=False,
        sign_sessions=True,
        secret_key=settings.read_secret(),
        generate_session_ids=True,
        session_token_expiration=settings.session_token_seconds,
        include_headers=[],
        include_cookies=[],
        keep_alive_milliseconds=KEEP_ALIVE_MS,
        check_unused_sessions_milliseconds=CHECK_UNUSED_MS,
        unused_session_lifetime_milliseconds=settings.unused_session_seconds * 1000,
        websocket_max_message_size=MESSAGE_MAX_BYTES,
        http_server_kwargs={
            "max_body_size": BODY_MAX_BYTES,
            "max_header_size": HEADER_MAX_BYTES,
            "body_timeout": REQUEST_SECONDS,
        },
        log_function=log_access,
        default_handler_class=MissingHandler,
    )


def log_access(handler: Any) -> None:
    """Log a request; only a fault of this service is worth more than information."""
    level = logging.INFO if handler.get_status() < 500 else logging.ERROR
    request = handler.request
    fields = {
        "status": handler.get_status(),
        "method": request.method,
        "path": request.path,
        "ms": round(1000 * request.request_time(), 1),
    }
    access_log.log(level, "%(status)d %(method)s %(path)s %(ms).1f ms", fields, extra={"fields": fields})


async def serve(process: Process, builder: PageBuilder, ready: Callable[[], None]) -> None:
    """Serve until told to stop, then drain and stop; call `ready` once documents have been tried."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(CountingThreads(thread_name_prefix="work"))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    pauses = Pauses()
    REGISTRY.register(
        Served(
            process.cache,
            process.herald,
            process.health,
            pauses,
            lambda: len(traffic.sockets),
            process.addresses.count_present,
        )
    )
    health = HealthServer(process.health, process.settings.health_port, write_metrics)
    watchdog = Watchdog(process.health)
    server = make_server(process, Application(builder))
    # Bokeh has no option for the threads that write changes for browsers.
    cast(Any, server)._tornado._executor._executor = CountingThreads(
        RESPONDING_THREADS, thread_name_prefix="response"
    )
    server.start()
    health.start()
    watchdog.start()
    tasks = [
        asyncio.create_task(keep_beating(process.health, LOOP_LAG_SECONDS.observe)),
        asyncio.create_task(keep_asking_threads(process.health)),
        asyncio.create_task(try_builds(process, builder, ready)),
        asyncio.create_task(process.collector.keep_collecting()),
    ]
    sys.setswitchinterval(SWITCH_SECONDS)
    keep_young()
    pauses.watch()
    log.info("replica %s serves on port %d", process.settings.replica, process.settings.port)
    await stopping.wait()
    await drain(process.health, traffic, process.settings.drain_seconds)
    watchdog.stop()
    for task in tasks:
        task.cancel()
    await server.stop_async()
    health.stop()
    log.info("stopped")


def run(ready: Callable[[], None]) -> None:
    """Run the service from the directory that holds its app/ and assets/, until it is told to stop.

    Parameters
    ----------
    ready
        Called once documents have been tried, when visitors may come.

    Raises
    ------
    SettingsError, FileNotFoundError
        When it cannot be run with what there is.
    """
    process = running()
    configure_logging(process.settings.log_level, process.settings.replica)
    process.cache.poll()
    asyncio.run(serve(process, PageBuilder(process, read_theme()), ready))
