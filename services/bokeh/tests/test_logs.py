"""Messages of clients are logged by kind, without their content."""

import json
import logging
import sys

import pytest
from bokeh.protocol.messages.patch_doc import patch_doc
from synthetic import publish
from visits import Visit

from conftest import Service, eventually
from dashboard.live.connection import REFUSED
from dashboard.logs import MESSAGE_CHARACTERS, STACK_CHARACTERS, JsonLine, tell_message_faults

PLANTED = "planted by a client"


def fail(*, ours: bool) -> logging.LogRecord:
    """Make the record that Bokeh logs when a message could not be handled."""
    scope: dict[str, object] = {"__name__": "dashboard.page" if ours else "bokeh.document"}
    exec("def handle(text): raise ValueError(text)", scope)
    try:
        scope["handle"](PLANTED)  # type: ignore[operator]
    except ValueError:
        return logging.LogRecord(
            "bokeh.server.protocol_handler",
            logging.ERROR,
            __file__,
            1,
            "error handling message\n message: %r",
            (PLANTED * 100_000,),
            sys.exc_info(),
        )
    raise AssertionError("nothing was raised")


def test_a_message_that_bokeh_cannot_use_is_told_without_what_it_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    record = fail(ours=False)
    assert tell_message_faults(record)
    told = json.loads(JsonLine("one").format(record))
    assert (told["level"], told["message"]) == ("info", "a message could not be handled: ValueError")
    assert PLANTED not in json.dumps(told)


def test_a_fault_of_ours_keeps_its_stack_and_its_level() -> None:
    record = fail(ours=True)
    assert tell_message_faults(record)
    told = json.loads(JsonLine("one").format(record))
    assert told["level"] == "error"
    assert "in handle" in told["exception"]


@pytest.mark.parametrize("size", [10, 10**6])
def test_no_event_is_longer_than_some_kilobytes(size: int) -> None:
    record = fail(ours=True)
    record.msg, record.args = "x" * size, ()
    assert len(JsonLine("one").format(record)) < MESSAGE_CHARACTERS + STACK_CHARACTERS + 1_000


def test_what_a_client_writes_in_place_of_a_value_or_a_header_is_in_no_log(service: Service) -> None:
    publish(service.root)
    service.start()
    eventually(service.ready)
    visit = Visit(service)
    event = {
        "kind": "ModelChanged",
        "model": {"id": visit.find("change").id},
        "attr": "value",
        "new": PLANTED,
    }
    message = patch_doc(patch_doc.create_header(), {}, {"events": [event]})  # type: ignore[typeddict-item]
    answer = visit.send(message)
    assert answer is not None
    assert answer.msgtype == "ERROR"
    visit.send_parts(json.dumps([PLANTED]), "{}", "{}")
    assert visit.wait_until_closed() == REFUSED
    eventually(lambda: "a message without a type" in service.read_log())
    assert "a message could not be handled" in service.read_log()
    assert PLANTED not in service.read_log()
    assert '"level": "error"' not in service.read_log()
