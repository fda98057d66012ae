"""Whoever breaks the websocket protocol is told so by the code that RFC 6455 has for it."""

import pytest

from dashboard.frames import FrameFault, check_close, check_header, check_text

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
