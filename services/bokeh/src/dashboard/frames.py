"""Websocket frames as RFC 6455 has them: whoever breaks the protocol is told so by the close code.

Tornado ends the connection without a word on most violations, and takes frames that are not masked. A
client then cannot tell a fault of its own from a replica that died, and tries again.
"""

import asyncio
from typing import Protocol, cast

from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketProtocol13

LINGER_SECONDS = 2.0
"""For how long what a client goes on sending is read and dropped, so that the close frame reaches it."""

PROTOCOL_ERROR = 1002
NOT_TEXT = 1007
REFUSED = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = {_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG}
_CONTROL = 0x8
_CONTROL_BYTES = 125
_LENGTH_BYTES = {126: 2, 127: 8}
# RFC 6455, 7.4; 1004 to 1006 and 1015 are never sent, 1016 to 2999 are not given out.
_CLOSE_CODES = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}


class FrameFault(Exception):
    """What a client sent is no frame; `code` is what the connection is closed with."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def check_header(first: int, second: int, *, continues: bool) -> None:
    """Hold the first two bytes of a frame against the protocol.

    Parameters
    ----------
    first, second
        The bytes: flags and opcode, mask bit and length.
    continues
        Whether a message has begun and has not ended yet.

    Raises
    ------
    FrameFault
        The frame has a reserved bit or an unknown opcode, is not masked, is a control frame that is
        long or in parts, or is out of turn (RFC 6455, 5.1 to 5.5).
    """
    opcode = first & 0x0F
    final = bool(first & 0x80)
    if first & 0x70:
        raise FrameFault(PROTOCOL_ERROR, "reserved bits are set")
    if opcode not in _OPCODES:
        raise FrameFault(PROTOCOL_ERROR, "unknown opcode")
    if not second & 0x80:
        raise FrameFault(PROTOCOL_ERROR, "frame is not masked")
    if opcode & _CONTROL:
        if not final or second & 0x7F > _CONTROL_BYTES:
            raise FrameFault(PROTOCOL_ERROR, "control frame is long or in parts")
    elif continues != (opcode == _CONTINUATION):
        raise FrameFault(PROTOCOL_ERROR, "frame is out of turn")


def check_close(payload: bytes) -> None:
    """Hold what a close frame carries against the protocol.

    Raises
    ------
    FrameFault
        The code is half there or none that may be sent, or the reason is not UTF-8.
    """
    if not payload:
        return
    if len(payload) == 1 or int.from_bytes(payload[:2]) not in _CLOSE_CODES:
        raise FrameFault(PROTOCOL_ERROR, "no close code that may be sent")
    check_text(payload[2:])


def check_text(payload: bytes) -> None:
    """Refuse what is not UTF-8.

    Raises
    ------
    FrameFault
        It is not.
    """
    try:
        payload.decode()
    except UnicodeDecodeError:
        raise FrameFault(NOT_TEXT, "text is not UTF-8") from None


class _Parameters(Protocol):
    max_message_size: int


class StrictProtocol(WebSocketProtocol13):
    """Tornado's protocol, with each violation answered by a close frame before the connection ends."""

    _reads: int = 0
    _short_length: int = 0

    async def _receive_frame(self) -> None:
        self._reads = 0
        try:
            await super()._receive_frame()
        except FrameFault as fault:
            self.close(fault.code, str(fault))
            await self._linger()
            self._abort()

    async def _read_bytes(self, n: int) -> bytes:
        """Read part of a frame: first its header, then its length where that has bytes of its own."""
        data = await super()._read_bytes(n)
        self._reads += 1
        if self._reads == 1:
            check_header(data[0], data[1], continues=self._fragmented_message_buffer is not None)
            self._short_length = data[1] & 0x7F
            if self._short_length not in _LENGTH_BYTES:
                self._check_size(self._short_length)
        elif self._reads == 2 and self._short_length in _LENGTH_BYTES:
            self._check_size(int.from_bytes(data))
        return data

    def _check_size(self, length: int) -> None:
        whole = length + len(self._fragmented_message_buffer or b"")
        if whole > cast("_Parameters", self.params).max_message_size:
            raise FrameFault(TOO_BIG, "message is too big")

    def _handle_message(self, opcode: int, data: bytes) -> "asyncio.Future[None] | None":
        if opcode == _TEXT:
            check_text(data)
        elif opcode == _CLOSE:
            check_close(data)
        return super()._handle_message(opcode, data)

    async def _linger(self) -> None:
        # Closing with bytes unread resets the connection, and the proxy may then drop the close frame.
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while True:
                    await self.stream.read_bytes(65_536, partial=True)
        except (TimeoutError, StreamClosedError):
            return
