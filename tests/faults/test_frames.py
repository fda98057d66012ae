"""Whoever breaks the websocket protocol is told so by the right close code, and nothing else notices."""

import collections
import json
import random

from bokeh.protocol import Protocol

from faults.forms import Form
from faults.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawSocket, frame
from faults.ledger import Ledger
from faults.load import Load, say_failures
from faults.visitor import QUERY
from probes import visit
from stack import Stack

MESSAGE_MAX = 1_048_576
SURROGATE = b"\xed\xa0\x80"

VIOLATIONS = {
    "oversized": (frame(TEXT, b" " * (MESSAGE_MAX + 1)), 1009),
    "oversized by what it says": (frame(BINARY, says=2**62), 1009),
    "oversized in parts": (
        frame(TEXT, b" " * MESSAGE_MAX, final=False) + frame(CONTINUATION, b" "),
        1009,
    ),
    "text that is not UTF-8": (frame(TEXT, b'{"a": "\xff"}'), 1007),
    "text with a surrogate": (frame(TEXT, SURROGATE), 1007),
    "text whose parts are not UTF-8": (
        frame(TEXT, SURROGATE[:1], final=False) + frame(CONTINUATION, SURROGATE[1:]),
        1007,
    ),
    "reserved opcode 3": (frame(0x3, b"x"), 1002),
    "reserved opcode 7": (frame(0x7), 1002),
    "reserved control opcode 11": (frame(0xB), 1002),
    "reserved control opcode 15": (frame(0xF, b"x"), 1002),
    "reserved bit 1": (frame(TEXT, b"{}", reserved=4), 1002),
    "reserved bit 2": (frame(TEXT, b"{}", reserved=2), 1002),
    "reserved bit 3": (frame(PING, reserved=1), 1002),
    "not masked": (frame(TEXT, b"{}", masked=False), 1002),
    "ping in parts": (frame(PING, b"x", final=False), 1002),
    "ping of 126 bytes": (frame(PING, b"x" * 126), 1002),
    "continuation of nothing": (frame(CONTINUATION, b"x"), 1002),
    "message within a message": (frame(TEXT, b"{", final=False) + frame(TEXT, b"}"), 1002),
    "close with half a code": (frame(CLOSE, b"\x03"), 1002),
    "close with code 1005": (frame(CLOSE, b"\x03\xed"), 1002),
    "close with a reason that is not UTF-8": (frame(CLOSE, b"\x03\xe8\xff"), 1007),
    "binary where text is due": (frame(BINARY, b"\x00" * 100), 1008),
    "three texts that are no message": (frame(TEXT, b"no") * 3, 1008),
    "a message of no known kind": (
        frame(TEXT, b'{"msgid": "1", "msgtype": "NOTHING"}') + frame(TEXT, b"{}") * 2,
        1008,
    ),
}


def test_violation_of_the_websocket_protocol_is_told_and_stays_alone(
    load: Load, ledger: Ledger, form: Form
) -> None:
    stack = load.stack
    repeats = 5 if form.full else 1
    wrong: collections.Counter[str] = collections.Counter()
    traces = stack.logs("bokeh").count("Traceback")
    with ledger.account("websocket frames that RFC 6455 does not have") as account:
        with load.watch() as window:
            for _ in range(repeats):
                for name, (content, code) in VIOLATIONS.items():
                    with RawSocket(visit(stack, QUERY)) as socket:
                        socket.send(content)
                        found = socket.receive_close()
                        if found != code:
                            wrong[f"{name}: {found} instead of {code}"] += 1
        tried = repeats * len(VIOLATIONS)
        account.add(
            f"the connection closes with the right code (1002, 1007, 1008 or 1009; {len(VIOLATIONS)} kinds)",
            f"{wrong.total()} of {tried} wrong {dict(wrong) or ''}".strip(),
            not wrong,
        )
        account.add(
            "nothing else notices",
            f"of {load.sessions} other sessions {len(window.lost)} closed, "
            f"{len(window.wrong)} answered wrongly; "
            f"{say_failures(window)} page loads failed; "
            f"{stack.logs('bokeh').count('Traceback') - traces} stack traces in the replicas' logs",
            not (window.lost or window.wrong or window.failed)
            and stack.logs("bokeh").count("Traceback") == traces,
        )


def ask_for_document() -> list[bytes]:
    """Write the message that asks for a session's document, as its three texts."""
    message = Protocol().create("PULL-DOC-REQ")
    return [part.encode() for part in (message.header_json, message.metadata_json, message.content_json)]


def receive_answer(socket: RawSocket) -> tuple[int, bytes]:
    """Receive what comes next, but for the pings that the replica keeps connections alive with."""
    while (received := socket.receive())[0] == PING:
        pass
    return received


def test_messages_in_parts_with_pings_between_them_are_taken(
    stack: Stack, ledger: Ledger, form: Form
) -> None:
    chance = random.Random(1)
    answered, tried = 0, 20 if form.full else 3
    with ledger.account("websocket messages in parts, with pings between the parts") as account:
        for _ in range(tried):
            with RawSocket(visit(stack, QUERY)) as socket:
                for text in ask_for_document():
                    cuts = sorted(chance.sample(range(len(text) + 1), min(3, len(text))))
                    parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
                    for place, part in enumerate(parts):
                        opcode = CONTINUATION if place else TEXT
                        socket.send(frame(opcode, part, final=place == len(parts) - 1))
                        if place < len(parts) - 1:
                            socket.send(frame(PING, b"between"))
                            assert receive_answer(socket) == (PONG, b"between")
                _, header = receive_answer(socket)
                answered += json.loads(header)["msgtype"] == "PULL-DOC-REPLY"
        account.add("they are answered", f"{answered} of {tried}", answered == tried)
