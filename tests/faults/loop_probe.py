"""Runs inside a replica, beside its server: how long the event loop takes to answer next to nothing.

Opens a session as a browser does and pings its websocket all the time. The server answers a ping on the
event loop and does nothing else for it, so a ping that takes long has waited for the loop. How long the
loop's own thread was on a processor meanwhile tells a loop that was stalled by its work from one that
was not given a processor; other processes of the machine are to blame for the difference.

Ends when its standard input does, and prints one JSON object.
"""

import http.client
import json
import os
import re
import select
import socket
import statistics
import struct
import sys
import time
from pathlib import Path

EVERY_SECONDS = 0.005
PING = b"\x89\x80\0\0\0\0"
TEXT, PONG = 0x1, 0xA


def find_server() -> Path:
    """Find what the kernel says of the thread of the server's event loop."""
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        words = line.read_bytes().split(b"\0")
        if b"dashboard" in words and Path(words[0].decode()).name.startswith("python"):
            return line.parent / "task" / line.parent.name / "schedstat"
    raise SystemExit("the server's process was not found")


def open_socket() -> socket.socket:
    """Open the websocket of a new page."""
    host, port = "127.0.0.1", 5006
    origin = f"https://localhost:{os.environ['HTTPS_PORT']}"
    page = http.client.HTTPConnection(host, port, timeout=20)
    page.request("GET", "/?study=cigarette-sales")
    html = page.getresponse().read().decode()
    block = re.search(r'<script type="application/json" id="render-item">(.*?)</script>', html, re.DOTALL)
    assert block is not None, html[:500]
    token = json.loads(block[1])["token"]
    connection = socket.create_connection((host, port), timeout=20)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    lines = [
        "GET /ws HTTP/1.1",
        "Host: localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        f"Sec-WebSocket-Protocol: bokeh, {token}",
        f"Origin: {origin}",
        "X-Forwarded-Proto: https",
    ]
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def read(connection: socket.socket, length: int) -> bytes:
    """Read so many bytes."""
    parts = b""
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        assert part, "the websocket was closed"
        parts += part
    return parts


def await_frame(connection: socket.socket, opcode: int, within: bytes = b"") -> None:
    """Read frames until one of a kind, that holds something."""
    while True:
        first, second = read(connection, 2)
        length = second
        if second == 126:
            (length,) = struct.unpack("!H", read(connection, 2))
        elif second == 127:
            (length,) = struct.unpack("!Q", read(connection, 8))
        if within in read(connection, length) and first & 0x0F == opcode:
            return


def main() -> None:
    """Ping until told to stop."""
    schedule = find_server()
    connection = open_socket()
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read(connection, 1)
    assert head.startswith(b"HTTP/1.1 101"), head
    # The probe's own page has been made by then, which is no trifle, and all that follows it by the pong.
    await_frame(connection, TEXT, b"ACK")
    connection.sendall(PING)
    await_frame(connection, PONG)
    walls, works = [], []
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], EVERY_SECONDS)[0]:
        began, work = time.perf_counter(), int(schedule.read_text().split()[0])
        connection.sendall(PING)
        await_frame(connection, PONG)
        walls.append(time.perf_counter() - began)
        works.append((int(schedule.read_text().split()[0]) - work) / 1e9)
    sys.stdout.write(
        json.dumps(
            {
                "pings": len(walls),
                "p99": statistics.quantiles(walls, n=100)[98],
                "slowest": max(walls),
                "busiest": max(min(wall, work) for wall, work in zip(walls, works, strict=True)),
                "over": sum(wall > 0.05 for wall in walls),
            }
        )
    )


main()
