"""Sessions as a browser makes them, without one: page, websocket, document; counted and held."""

import re
import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests
import websocket
from bokeh.protocol import Protocol
from docker.models.containers import Container

from probes import Session, eventually

CLIENTS = 4
"""Visitors at the same time, enough to keep a server busy."""

SETTLE_SECONDS = 2.0
IDLE_SECONDS = 3.0
IDLE_SHARE = 0.1


@dataclass(frozen=True)
class Server:
    """A dashboard to measure: where it is, how its token is found, and the container that runs it."""

    url: str
    query: str
    container: Container
    find_token: Callable[[str], str]
    ca: Path | None = None
    origin: str = ""

    @property
    def page(self) -> str:
        """Where browsers find it."""
        return f"{self.url}/{self.query}"

    @property
    def socket(self) -> str:
        """Where the page's websocket is."""
        path, _, query = self.page.partition("?")
        return path.replace("http", "ws", 1).rstrip("/") + "/ws" + (f"?{query}" if query else "")


class TimedSession(Session):
    """A session that tells how long the answer to a change took to arrive."""

    def time_change(self, name: str, value: object) -> float:
        """Set a control; give the seconds until the last patch had come that the page's new words need."""
        before, message = self.words, self.ask(name, value)
        start = time.perf_counter()
        self._send(message)
        while True:
            patch = self._receive_until("PATCH-DOC")
            seconds = time.perf_counter() - start
            patch.apply_to_document(self.document)
            if self.words != before:
                return seconds


def processor_seconds(container: Container) -> float:
    """Return how much processor time a container has had."""
    stats = container.stats(stream=False, one_shot=True)
    return float(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def await_idle(server: Server) -> None:
    """Wait until a server does next to nothing: the end of sessions that were left takes it seconds."""

    def is_idle() -> bool:
        before = processor_seconds(server.container)
        time.sleep(IDLE_SECONDS)
        return processor_seconds(server.container) - before < IDLE_SHARE * IDLE_SECONDS

    eventually(is_idle, 60, f"{server.page} is idle")


def load_page(server: Server) -> requests.Response:
    """Load the page, which makes a session."""
    answer = requests.get(server.page, verify=str(server.ca) if server.ca else True, timeout=60)
    answer.raise_for_status()
    return answer


def open_session(server: Server) -> websocket.WebSocket:
    """Load the page, open its websocket, and take the document without looking into it."""
    return open_websocket(server, load_page(server))


def open_websocket(server: Server, answer: requests.Response) -> websocket.WebSocket:
    """Open the websocket of a page that was loaded, here or from another replica, and take its document."""
    cookies = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
    connection = websocket.create_connection(
        server.socket,
        subprotocols=["bokeh", server.find_token(answer.text)],
        sslopt={"ca_certs": str(server.ca), "cert_reqs": ssl.CERT_REQUIRED} if server.ca else None,
        origin=server.origin or server.url,
        cookie=cookies or None,
        timeout=60,
    )
    skip_message(connection, "ACK")
    request = Protocol().create("PULL-DOC-REQ")
    for part in (request.header_json, request.metadata_json, request.content_json):
        connection.send(part)
    skip_message(connection, "PULL-DOC-REPLY")
    return connection


def close_all(connections: Iterable[websocket.WebSocket]) -> None:
    """Close websockets."""
    for connection in connections:
        connection.close()


def skip_message(connection: websocket.WebSocket, kind: str) -> None:
    """Read up to the end of a message of a kind: header, metadata and content are a frame each."""
    while f'"{kind}"' not in str(connection.recv()):
        continue
    connection.recv()
    connection.recv()


def measure_rate(server: Server, sessions: int) -> float:
    """Return sessions a second: page, websocket and document of each, by a few visitors at a time."""
    await_idle(server)
    with ThreadPoolExecutor(CLIENTS) as visitors:
        start = time.perf_counter()
        opened = list(visitors.map(lambda _: open_session(server), range(sessions)))
        seconds = time.perf_counter() - start
    close_all(opened)
    return sessions / seconds


def measure_pages(server: Server, pages: int) -> float:
    """Return pages a second, none of which opens its websocket, by a few visitors at a time."""
    await_idle(server)
    with ThreadPoolExecutor(CLIENTS) as visitors:
        start = time.perf_counter()
        list(visitors.map(lambda _: load_page(server), range(pages)))
        return pages / (time.perf_counter() - start)


def measure_memory(server: Server, sessions: int) -> float:
    """Return the bytes by which the server grows for each of so many sessions that stay open.

    A few are opened first, so that what a process makes once is there already.
    """
    held = [open_session(server) for _ in range(CLIENTS)]
    time.sleep(SETTLE_SECONDS)
    before = resident_bytes(server.container)
    held += [open_session(server) for _ in range(sessions)]
    time.sleep(SETTLE_SECONDS)
    grown = resident_bytes(server.container) - before
    close_all(held)
    return max(grown, 1) / sessions


def resident_bytes(container: Container) -> int:
    """Return the resident memory of all processes of a container."""
    done = container.exec_run(["sh", "-c", "cat /proc/[0-9]*/status"])
    return 1024 * sum(int(size) for size in re.findall(rb"VmRSS:\s+(\d+) kB", done.output))
