"""Websocket frames as RFC 6455 has them: whoever breaks the protocol is told so by the close code.

Tornado ends the connection without a word on most violations, and takes frames that are not masked. A
client then cannot tell a fault of its own from a replica that died, and tries again.
"""

import asyncio
import logging
import struct
from typing import Any, Protocol, cast, override

from tornado.escape import json_encode, utf8
from tornado.iostream import StreamBufferFullError, StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol13

log = logging.getLogger(__name__)

LINGER_SECONDS = 2.0
"""For how long what a client goes on sending is read and dropped, so that the close frame reaches it."""

PROTOCOL_ERROR = 1002
NOT_TEXT = 1007
REFUSED = 1008
TOO_BIG = 1009
INTERNAL_ERROR = 1011

_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = {_CONTINUATION, _TEXT, _BINARY, _CLOSE, _PING, _PONG}
_FIN = 0x80
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


def make_header(opcode: int, length: int) -> bytes:
    """Make the header of a whole message that a server sends (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((_FIN | opcode, length))
    if length < 65_536:
        return struct.pack("!BBH", _FIN | opcode, 126, length)
    return struct.pack("!BBQ", _FIN | opcode, 127, length)


class _Parameters(Protocol):
    max_message_size: int


class StrictProtocol(WebSocketProtocol13):
    """Tornado's protocol, with each violation answered by a close frame before the connection ends.

    Messages that are written without a pause between them are sent together: Bokeh makes some fifty of
    one change, and a call of the system for each takes longer than all of the change.
    """

    _reads: int = 0
    _short_length: int = 0

    def __init__(self, handler: WebSocketHandler, mask_outgoing: bool, params: Any) -> None:
        super().__init__(handler, mask_outgoing, params)
        self._unsent: list[bytes] = []
        self._taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._taken.set_result(None)

    @property
    def is_behind(self) -> bool:
        """Whether the client has not taken yet what was sent before."""
        return not self._taken.done()

    @override
    def write_message(
        self, message: str | bytes | dict[str, Any], binary: bool = False
    ) -> "asyncio.Future[None]":
        """Send a message with those that follow it at once; give when what was sent before was taken."""
        data = utf8(json_encode(message) if isinstance(message, dict) else message)
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send_all)
        self._unsent += (make_header(_BINARY if binary else _TEXT, len(data)), data)
        return self._taken

    @override
    def _write_frame(self, fin: bool, opcode: int, data: bytes, flags: int = 0) -> "asyncio.Future[None]":
        self._send_all()
        return super()._write_frame(fin, opcode, data, flags)

    def _send_all(self) -> None:
        unsent, self._unsent = b"".join(self._unsent), []
        if not unsent or self.stream.closed():
            return
        try:
            self._taken = self.stream.write(unsent)
        except StreamBufferFullError:
            log.info("websocket let go: more waits for its client than may")
            self.stream.close()

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
