"""Of what comes over a websocket, only what a page sends is acted on."""

from types import SimpleNamespace
from typing import Any

import pytest

from dashboard.live.messages import CHOICES_MAX, EVENTS_MAX, Verdict, judge

ID = {"id": "p1001"}


def judge_events(*events: object, msgtype: str = "PATCH-DOC") -> tuple[Verdict, int]:
    message = make_message(*events, msgtype=msgtype)
    return judge(message), len(message.content["events"])


def make_message(*events: object, msgtype: str = "PATCH-DOC", msgid: object = "1") -> Any:
    return SimpleNamespace(msgtype=msgtype, header={"msgid": msgid}, content={"events": list(events)})


def change(attr: object, new: object, **more: object) -> dict[str, object]:
    return {"kind": "ModelChanged", "model": ID, "attr": attr, "new": new, **more}


def say(name: object, values: object, **more: object) -> dict[str, object]:
    event = {"type": "event", "name": name, "values": values}
    return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event, **more}


WISH = {"type": "map", "entries": [["query", ["unit=NY"]], ["number", ["3"]]]}
CLICK = {"type": "map", "entries": [["model", ID]]}


@pytest.mark.parametrize(
    "event",
    [
        change("value", 7),
        change("value", {"type": "number", "value": "nan"}),
        change("inner_width", 612),
        change("indices", [4]),
        change("data", WISH),
        {"kind": "ColumnDataChanged", "model": ID, "attr": "data", "data": WISH, "cols": None},
        say("button_click", CLICK),
        say("document_ready", {"type": "map"}),
    ],
)
def test_what_a_page_sends_is_acted_on(event: object) -> None:
    assert judge_events(event) == (Verdict.ACT, 1)


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "RootAdded", "model": {"type": "object", "name": "Div", "id": "p1"}},
        {"kind": "TitleChanged", "title": "planted"},
        change("tags", [1, 2]),
        change(["unhashable"], 1),
        say("tap", CLICK),
    ],
)
def test_what_changes_nothing_that_we_have_is_answered_and_left(event: object) -> None:
    assert judge_events(event) == (Verdict.IGNORE, 0)
    assert judge_events(change("value", 7), event) == (Verdict.ACT, 1)


FIGURE = {"type": "object", "name": "CustomAction", "id": "x", "attributes": {"icon": "/dev/ptmx"}}


@pytest.mark.parametrize(
    "event",
    [
        change("tags", [FIGURE]),
        change("value", FIGURE),
        change("value", {"type": "bytes", "data": "H4sIAAAA"}),
        change("value", {"type": "ndarray", "array": [1], "dtype": "S50000000", "shape": [1]}),
        change("value", {"type": "map", "entries": [["a", FIGURE]]}),
        change("value", 10**400),
        change("value", "x" * 5_000),
        change("data", [[]] * 2_000),
        {"kind": "ModelChanged", "model": FIGURE, "attr": "value", "new": 1},
        {"kind": "ColumnsPatched", "model": ID, "attr": "data", "patches": []},
        {"kind": "ColumnsStreamed", "model": ID, "attr": "data", "data": {}},
        {"kind": "ColumnDataChanged", "model": ID, "attr": "data", "data": FIGURE, "cols": None},
        {"kind": "RootRemoved", "model": ID},
        say("button_click", {"type": "map", "entries": [["model", FIGURE]]}),
        say("button_click", {"type": "map", "entries": [["model"]]}),
        say("button_click", CLICK, msg_type="other"),
        {"kind": ["no kind"]},
        "no event",
    ],
)
def test_what_no_page_sends_is_refused_whatever_is_beside_it(event: object) -> None:
    assert judge_events(change("value", 7), event)[0] is Verdict.REFUSE


def test_more_events_than_a_page_sends_are_refused() -> None:
    assert judge_events(*[change("inner_width", 7)] * EVENTS_MAX) == (Verdict.ACT, EVENTS_MAX)
    assert judge_events(*[change("inner_width", 7)] * (EVENTS_MAX + 1))[0] is Verdict.REFUSE


@pytest.mark.parametrize("choice", [change("value", 7), change("data", WISH), say("button_click", CLICK)])
def test_one_message_makes_few_choices_so_that_nobody_waits_for_them(choice: object) -> None:
    assert judge_events(*[choice] * CHOICES_MAX) == (Verdict.ACT, CHOICES_MAX)
    assert judge_events(*[choice] * (CHOICES_MAX + 1), change("inner_width", 7))[0] is Verdict.REFUSE


@pytest.mark.parametrize("msgtype", ["PUSH-DOC", "ACK", "OK", "ERROR", "PULL-DOC-REPLY", "SERVER-INFO-REPLY"])
def test_messages_that_only_a_server_sends_are_refused(msgtype: str) -> None:
    assert judge_events(msgtype=msgtype)[0] is Verdict.REFUSE


@pytest.mark.parametrize("msgtype", ["PULL-DOC-REQ", "SERVER-INFO-REQ"])
def test_requests_are_answered_that_can_be(msgtype: str) -> None:
    assert judge(make_message(msgtype=msgtype)) is Verdict.ACT
    assert judge(make_message(msgtype=msgtype, msgid=None)) is Verdict.REFUSE
