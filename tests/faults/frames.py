"""Bytes on the wire: requests and websocket frames as no library would send them."""

import base64
import os
import socket
import ssl
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from probes import Visit
from stack import Stack

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0
SECONDS = 20.0


def connect(stack: Stack, seconds: float = SECONDS) -> ssl.SSLSocket:
    """Open a connection to the proxy, its certificate verified against the stack's CA."""
    trust = ssl.create_default_context(cafile=str(stack.ca))
    plain = socket.create_connection(("127.0.0.1", stack.https_port), timeout=seconds)
    return trust.wrap_socket(plain, server_hostname="localhost")


@dataclass(frozen=True)
class Answer:
    """What came back, as it was; status 0 where the connection ended without an answer in HTTP."""

    status: int
    content: bytes


def ask(stack: Stack, request: bytes, seconds: float = SECONDS) -> Answer:
    """Send bytes and read until the other side closes, or a websocket would begin."""
    content = b""
    with suppress(OSError), connect(stack, seconds) as connection:
        with suppress(OSError):
            connection.sendall(request)
        while part := connection.recv(65_536):
            content += part
            if content.startswith(b"HTTP/1.1 101"):
                break
    status = int(content[9:12]) if content.startswith(b"HTTP/1.") else 0
    return Answer(status, content)


def handshake(stack: Stack, token: str, cookie: str = "", origin: str | None = None) -> bytes:
    """Write the request that opens a page's websocket."""
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: localhost:{stack.https_port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        f"Sec-WebSocket-Protocol: bokeh, {token}",
        f"Origin: {origin or stack.url}",
        *([f"Cookie: {cookie}"] if cookie else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    says: int | None = None,
) -> bytes:
    """Write a frame (RFC 6455, 5.2); `says` is the length it claims, where that is not its own."""
    length = len(payload) if says is None else says
    head = bytes([final << 7 | reserved << 4 | opcode])
    bit = masked << 7
    if length < 126:
        head += bytes([bit | length])
    elif length < 65_536:
        head += bytes([bit | 126]) + struct.pack("!H", length)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", length)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    whole = int.from_bytes(payload) ^ int.from_bytes(repeated)
    return head + mask + whole.to_bytes(len(payload))


class RawSocket:
    """An open websocket of a page, which is given bytes and gives frames."""

    def __init__(self, page: Visit, seconds: float = SECONDS) -> None:
        self._connection = connect(page.stack, seconds)
        self._connection.sendall(handshake(page.stack, page.token, page.cookie_header))
        self._unread = b""
        while b"\r\n\r\n" not in self._unread:
            self._fill()
        head, self._unread = self._unread.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 101"), head
        assert b"ACK" in b"".join(self.receive()[1] for _ in range(3)), "the session is open"

    def send(self, content: bytes) -> None:
        """Send bytes; a connection that has ended already says so when it is read."""
        with suppress(OSError):
            self._connection.sendall(content)

    def receive(self) -> tuple[int, bytes]:
        """Give the next frame: its opcode and what it carries."""
        head = self._take(2)
        length = head[1]
        if length == 126:
            length = int.from_bytes(self._take(2))
        elif length == 127:
            length = int.from_bytes(self._take(8))
        return head[0] & 0x0F, self._take(length)

    def receive_close(self) -> int | None:
        """Read on until the close frame, and give its code; None where the connection ends without one."""
        try:
            while True:
                opcode, payload = self.receive()
                if opcode == CLOSE:
                    return int.from_bytes(payload[:2])
        except (OSError, EOFError):
            return None

    def _take(self, length: int) -> bytes:
        while len(self._unread) < length:
            self._fill()
        taken, self._unread = self._unread[:length], self._unread[length:]
        return taken

    def _fill(self) -> None:
        part = self._connection.recv(65_536)
        if not part:
            raise EOFError
        self._unread += part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
