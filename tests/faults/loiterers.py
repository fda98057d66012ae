"""Clients that are slow or stalled on purpose, a program of its own.

    python -m faults.loiterers --url URL --proxy HOST --ca FILE --download PATH --each N

So many of each kind: `headers` send the head of a request one line in a while, `bodies` send a body
byte by byte; one that is cut off begins again. `sockets` open a page's websocket, ask for its
document and read nothing, `downloads` ask for a trace and read nothing; as they read nothing, they do not
notice that they have been cut off, and stay as they are. They stay at the proxy's own address: behind the
port that is published, the engine has a program that takes more than a trace by itself. Once a second a
JSON line says how many of each are connected, and how many have been cut off so far. Ends at SIGTERM.
"""

import argparse
import asyncio
import json
import random
import signal
import socket
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bokeh.protocol import Protocol

from faults.frames import TEXT, frame, handshake
from faults.visitor import Refused, Site, load_page
from stack import Stack

KINDS = ("headers", "bodies", "sockets", "downloads")
STALLED = ("sockets", "downloads")
PAUSE_SECONDS = (2.0, 8.0)
AGAIN_SECONDS = (1.0, 5.0)
RECEIVE_BYTES = 4096
PROXY_PORT = 8443
STARTS_A_SECOND = 15.0
"""It is their staying that is measured; as many new visitors at once would be another thing."""


@dataclass
class Loiterers:
    """All of one process."""

    site: Site
    stack: Stack
    proxy: str
    download: str
    present: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    _next: float = 0.0

    async def stay(self, kind: str) -> None:
        """Be one of a kind; who writes slowly begins again when cut off, who reads nothing never knows."""
        while True:
            await self._await_turn()
            with suppress(OSError, asyncio.IncompleteReadError, Refused):
                await getattr(self, f"_{kind}")()
                self.cut[kind] += 1
                if kind in STALLED:
                    return
            await asyncio.sleep(random.uniform(*AGAIN_SECONDS))

    async def _await_turn(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next, now) + 1 / STARTS_A_SECOND
        await asyncio.sleep(self._next - now)

    async def _headers(self) -> None:
        reader, writer = await self._connect()
        writer.write(b"GET / HTTP/1.1\r\n")
        with self._counted("headers", writer):
            while not (reader.at_eof() or writer.is_closing()):
                await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
                writer.write(b"X-Slow: 1\r\n")

    async def _bodies(self) -> None:
        reader, writer = await self._connect()
        # One that says its length is refused at once.
        lines = ["GET / HTTP/1.1", f"Host: {self._host}", "Transfer-Encoding: chunked", "", ""]
        writer.write("\r\n".join(lines).encode())
        with self._counted("bodies", writer):
            while not (reader.at_eof() or writer.is_closing()):
                await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
                writer.write(b"1\r\nx\r\n")

    async def _sockets(self) -> None:
        page = await load_page(self.site)
        reader, writer = await self._connect()
        cookie = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
        writer.write(handshake(self.stack, page.token, cookie))
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head[:20]:
            writer.close()
            raise Refused(head[:40].decode())
        # The document can be asked for once the session is said to be there.
        await reader.readexactly(1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        message = Protocol().create("PULL-DOC-REQ")
        for part in (message.header_json, message.metadata_json, message.content_json):
            writer.write(frame(TEXT, part.encode()))
        with self._counted("sockets", writer):
            await self._until_cut(writer)

    async def _downloads(self) -> None:
        _, writer = await self._connect()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(f"GET {self.download} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        with self._counted("downloads", writer):
            await self._until_cut(writer)

    @property
    def _host(self) -> str:
        return urlsplit(self.site.url).netloc

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (self.proxy, PROXY_PORT))
        return await asyncio.open_connection(sock=plain, ssl=self.site.trust, server_hostname="localhost")

    async def _until_cut(self, writer: asyncio.StreamWriter) -> None:
        """Read nothing, until the other side has gone."""
        while True:
            await asyncio.sleep(random.uniform(*PAUSE_SECONDS))
            if is_gone(writer):
                return

    def _counted(self, kind: str, writer: asyncio.StreamWriter) -> "_Counted":
        return _Counted(self.present, kind, writer)


def is_gone(writer: asyncio.StreamWriter) -> bool:
    """Whether the kernel knows that the other side has closed the connection, though nothing is read."""
    info = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    established = 1
    return bool(info[0] != established)


class _Counted:
    def __init__(self, present: Counter[str], kind: str, writer: asyncio.StreamWriter) -> None:
        self._present, self._kind, self._writer = present, kind, writer

    def __enter__(self) -> None:
        self._present[self._kind] += 1

    def __exit__(self, *_: object) -> None:
        self._present[self._kind] -= 1
        self._writer.transport.abort()


async def main() -> None:
    """Run until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--ca", type=Path, required=True)
    parser.add_argument("--download", required=True)
    parser.add_argument("--each", type=int, required=True)
    options = parser.parse_args()
    port = urlsplit(options.url).port
    assert port is not None
    site, stack = Site(options.url, str(options.ca)), Stack("", https_port=port)
    all_of_them = Loiterers(site, stack, options.proxy, options.download)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tasks = [asyncio.create_task(all_of_them.stay(kind)) for kind in KINDS for _ in range(options.each)]
    while not stop.is_set():
        print(json.dumps({"present": all_of_them.present, "cut": all_of_them.cut}), flush=True)
        await asyncio.wait({asyncio.create_task(stop.wait())}, timeout=1)
    for task in tasks:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
