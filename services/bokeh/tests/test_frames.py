"""Whoever breaks the websocket protocol is told so by the code that RFC 6455 has for it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.frames import FrameFault, StrictProtocol, check_close, check_header, check_text, make_header

FIN, MASK = 0x80, 0x80


@pytest.mark.parametrize(
    ("first", "second", "continues"),
    [
        (FIN | 0x1, MASK | 125, False),
        (FIN | 0x2, MASK | 127, False),
        (0x1, MASK, False),
        (0x0, MASK | 126, True),
        (FIN | 0x0, MASK, True),
        (FIN | 0x8, MASK | 2, True),
        (FIN | 0x9, MASK, True),
        (FIN | 0xA, MASK | 125, False),
    ],
)
def test_frames_that_the_protocol_has_pass(first: int, second: int, continues: bool) -> None:
    check_header(first, second, continues=continues)


@pytest.mark.parametrize(
    ("first", "second", "continues", "why"),
    [
        (FIN | 0x40 | 0x1, MASK, False, "reserved"),
        (FIN | 0x10 | 0x1, MASK, False, "reserved"),
        (FIN | 0x3, MASK, False, "unknown opcode"),
        (0x7, MASK, False, "unknown opcode"),
        (FIN | 0xB, MASK, False, "unknown opcode"),
        (FIN | 0x1, 5, False, "not masked"),
        (0x9, MASK, False, "in parts"),
        (FIN | 0x8, MASK | 126, False, "long"),
        (FIN | 0x0, MASK, False, "out of turn"),
        (FIN | 0x1, MASK, True, "out of turn"),
    ],
)
def test_frames_that_it_has_not_are_a_protocol_error(
    first: int, second: int, continues: bool, why: str
) -> None:
    with pytest.raises(FrameFault, match=why) as fault:
        check_header(first, second, continues=continues)
    assert fault.value.code == 1002


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xe9bye", b"\x0b\xb8", b"\x13\x87"])
def test_close_frames_may_have_a_code_and_a_reason(payload: bytes) -> None:
    check_close(payload)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"\x03", 1002),
        (b"\x00\x00", 1002),
        (b"\x03\xed", 1002),
        (b"\x03\xf7", 1002),
        (b"\xff\xff", 1002),
        (b"\x03\xe8\xff", 1007),
    ],
)
def test_other_codes_and_reasons_are_refused(payload: bytes, code: int) -> None:
    with pytest.raises(FrameFault) as fault:
        check_close(payload)
    assert fault.value.code == code


@pytest.mark.parametrize("payload", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82"])
def test_text_that_is_not_utf_8_is_refused_as_such(payload: bytes) -> None:
    with pytest.raises(FrameFault) as fault:
        check_text(payload)
    assert fault.value.code == 1007


@pytest.mark.parametrize(
    ("length", "header"),
    [(5, b"\x81\x05"), (126, b"\x81\x7e\x00\x7e"), (70_000, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x11\x70")],
)
def test_headers_of_what_is_sent_hold_the_length(length: int, header: bytes) -> None:
    assert make_header(0x1, length) == header


class Pipe:
    """A stream that notes what is written to it, and says it was taken when told to."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.taken: list[asyncio.Future[None]] = []

    def closed(self) -> bool:
        return False

    def write(self, data: bytes) -> asyncio.Future[None]:
        self.written.append(data)
        self.taken.append(asyncio.get_running_loop().create_future())
        return self.taken[-1]


def make_protocol(pipe: Pipe) -> StrictProtocol:
    handler: Any = SimpleNamespace(request=None)
    protocol = StrictProtocol(handler, False, SimpleNamespace(compression_options=None))
    protocol.stream = pipe  # type: ignore[assignment]
    return protocol


def test_messages_without_a_pause_between_them_are_one_write() -> None:
    async def send() -> None:
        pipe = Pipe()
        protocol = make_protocol(pipe)
        for text in ("one", "two"):
            await protocol.write_message(text)
        assert pipe.written == []
        await asyncio.sleep(0)
        assert pipe.written == [b"\x81\x03one\x81\x03two"]
        assert protocol.is_behind
        waiting = protocol.write_message("three")
        assert not waiting.done(), "what was sent before was not taken yet"
        pipe.taken[0].set_result(None)
        await waiting
        protocol._write_frame(True, 0x8, b"")
        assert pipe.written[1:] == [b"\x81\x05three", b"\x88\x00"], "a close frame comes last, and at once"

    asyncio.run(send())
