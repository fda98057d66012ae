"""Clients that break HTTP or the websocket protocol get the code that RFC 6455 has for it; none hangs."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import pytest
from synthetic import make_card, publish
from visits import read_block

from conftest import Service

FIN, MASK = 0x80, 0x80
TEXT, CLOSE, PING = 0x1, 0x8, 0x9


def frame(opcode: int, data: bytes, *, fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """Make a websocket frame, with a mask of zeros."""
    first = (FIN if fin else 0) | reserved | opcode
    second = MASK if masked else 0
    if len(data) < 126:
        head = bytes([first, second | len(data)])
    elif len(data) < 65_536:
        head = bytes([first, second | 126]) + struct.pack("!H", len(data))
    else:
        head = bytes([first, second | 127]) + struct.pack("!Q", len(data))
    return head + (bytes(4) if masked else b"") + data


@dataclass
class Wire:
    """A raw connection to the service."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read_status(self) -> int:
        head = await self.reader.readuntil(b"\r\n\r\n")
        return int(head.split()[1])

    async def read_close(self) -> int | None:
        """Read until the server closes; return its code."""
        while True:
            try:
                first, second = await self.reader.readexactly(2)
            except (asyncio.IncompleteReadError, ConnectionResetError):
                return None
            length = second & 0x7F
            if length == 126:
                [length] = struct.unpack("!H", await self.reader.readexactly(2))
            elif length == 127:
                [length] = struct.unpack("!Q", await self.reader.readexactly(8))
            data = await self.reader.readexactly(length)
            if first & 0xF == CLOSE:
                code: int = struct.unpack("!H", data[:2])[0]
                return code


def within[Result](work: Awaitable[Result], seconds: float = 30) -> Result:
    async def run() -> Result:
        async with asyncio.timeout(seconds):
            return await work

    return asyncio.run(run())


async def connect(service: Service) -> Wire:
    return Wire(*await asyncio.open_connection("127.0.0.1", service.port))


async def shake_hands(service: Service, study: str, *more: str) -> Wire:
    """Ask for a page and open its websocket by hand; the answer to the handshake is not read yet."""
    _, page = await asyncio.to_thread(service.ask, f"/?study={study}")
    token = read_block(page, "render-item")["token"]
    lines = (
        f"GET /ws?study={study} HTTP/1.1",
        f"Host: localhost:{service.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        f"Sec-WebSocket-Protocol: bokeh, {token}",
        f"Origin: http://localhost:{service.port}",
        *more,
    )
    wire = await connect(service)
    wire.writer.write("\r\n".join((*lines, "", "")).encode())
    return wire


def send_after_handshake(service: Service, study: str, data: bytes) -> int | None:
    """Send bytes over a websocket that has just opened; return the code that it is closed with."""

    async def send() -> int | None:
        wire = await shake_hands(service, study)
        assert await wire.read_status() == 101
        wire.writer.write(data)
        return await wire.read_close()

    return within(send())


@pytest.fixture
def published(shared: Service, study: str) -> str:
    publish(shared.root, make_card(study))
    shared.await_study(study)
    return study


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"{}", masked=False), 1002),
        (frame(TEXT, b"{}", reserved=0x40), 1002),
        (frame(0x5, b"x"), 1002),
        (frame(0x0, b"x"), 1002),
        (frame(PING, b"a" * 126), 1002),
        (frame(CLOSE, struct.pack("!H", 1005)), 1002),
        (frame(TEXT, b"\xff\xfe"), 1007),
        (frame(TEXT, b"a" * 1_100_000), 1009),
        (frame(CLOSE, struct.pack("!H", 1000)), 1000),
    ],
    ids=[
        *("not masked", "reserved bit", "unknown opcode", "continuation of nothing", "long ping"),
        *("forbidden code", "not UTF-8", "too large", "an orderly end"),
    ],
)
def test_frames_are_answered_with_the_code_for_them(
    shared: Service, published: str, data: bytes, code: int
) -> None:
    assert send_after_handshake(shared, published, data) == code


def text_message(msgtype: str, content: Any) -> bytes:
    header = json.dumps({"msgid": "1", "msgtype": msgtype}).encode()
    return frame(TEXT, header) + frame(TEXT, b"{}") + frame(TEXT, json.dumps(content).encode())


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"nonsense") + frame(TEXT, b"{}") + frame(TEXT, b"{}"),
        frame(0x2, b"binary"),
        text_message("PUSH-DOC", {"doc": {}}),
        text_message("NONE-SUCH", {}),
        text_message("PATCH-DOC", {"events": "none"}),
        frame(TEXT, b"a" * 1_000_000) * 5,
    ],
    ids=["no JSON", "binary", "a whole document", "unknown type", "no events", "endless parts"],
)
def test_messages_that_no_page_sends_close_the_websocket(
    shared: Service, published: str, data: bytes
) -> None:
    assert send_after_handshake(shared, published, data) == 1008
    assert "Traceback" not in shared.read_log()


@pytest.mark.parametrize(
    "more",
    [
        (f"X-Long: {'a' * 16_384}",),
        tuple(f"X-Line-{number}: a" for number in range(200)),
        (f"X-Long: {'a' * 8_192}", *(f"X-Line-{number}: a" for number in range(129))),
    ],
    ids=["a line of 16 KiB", "200 lines", "both"],
)
def test_handshake_with_large_headers_is_answered(
    shared: Service, published: str, more: tuple[str, ...]
) -> None:
    async def open_socket() -> int:
        return await (await shake_hands(shared, published, *more)).read_status()

    assert within(open_socket(), 10) == 101


def test_headers_beyond_the_bound_are_refused(shared: Service) -> None:
    async def ask() -> int:
        wire = await connect(shared)
        wire.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 2_000_000 + b"\r\n\r\n")
        return await wire.read_status()

    assert within(ask(), 10) in {400, 431}


def test_handshake_without_a_key_takes_no_place(shared: Service, published: str) -> None:
    async def ask() -> int:
        wire = await connect(shared)
        wire.writer.write(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\n\r\n"
        )
        return await wire.read_status()

    assert within(ask(), 10) == 400
    assert shared.ask(f"/?study={published}")[0] == 200
