"""Which of the messages that Bokeh's protocol has are acted on: what a page sends, in plain values.

Bokeh would make any model that a client describes, open files that such a model names, and unpack bytes
without a bound. A page needs none of that.
"""

from enum import Enum
from typing import Any

from bokeh.protocol.message import Message

SIZES = ("inner_width", "inner_height", "outer_width", "outer_height", "start", "end")
CHOICES = ("value", "value_throttled", "data", "indices")
"""What a page's models are set to: the slider, the wish, a tapped unit."""

KINDS = ("PATCH-DOC", "PULL-DOC-REQ", "SERVER-INFO-REQ")
"""Messages that a client sends."""

BROWSER_EVENTS = ("button_click", "document_ready")

ECHOES = ("RootAdded", "TitleChanged")
"""What a browser says after it has taken over the document of another replica, of which this has all."""

EVENTS_MAX = 64
"""Of a message; a page was seen to send four."""

CHOICES_MAX = 8
"""Of a message, of what changes the page and so takes some ten milliseconds; a reader makes one at a time."""

VALUES_MAX = 1_000
"""Values of an event, with those inside them; a wish has some six."""

TEXT_MAX = 4_096
NUMBER_MAX = 1e15


class Verdict(Enum):
    """What is done with a message."""

    ACT = "acted on"
    IGNORE = "answered and not acted on"
    REFUSE = "nothing that a page sends"


def judge(message: Message[Any]) -> Verdict:
    """Judge a message, and take out of it the events that are not acted on."""
    if message.msgtype not in KINDS or not isinstance(message.header.get("msgid"), str):
        return Verdict.REFUSE
    if message.msgtype != "PATCH-DOC":
        return Verdict.ACT
    content = message.content
    events = content.get("events") if isinstance(content, dict) else None
    if not isinstance(events, list) or len(events) > EVENTS_MAX:
        return Verdict.REFUSE
    verdicts = [_judge_event(event) for event in events]
    if Verdict.REFUSE in verdicts or sum(map(_is_choice, events)) > CHOICES_MAX:
        return Verdict.REFUSE
    content["events"] = [event for event, one in zip(events, verdicts, strict=True) if one is Verdict.ACT]
    return Verdict.ACT if content["events"] else Verdict.IGNORE


def asks_for_change(message: Message[Any]) -> bool:
    """Say whether a reader has done something, by what is acted on of it; pages speak by themselves too."""
    if message.msgtype != "PATCH-DOC":
        return False
    return any(_is_choice(event) and not _is_ready(event) for event in message.content["events"])


def _is_ready(event: dict[str, Any]) -> bool:
    return bool(event["kind"] == "MessageSent" and event["msg_data"].get("name") == "document_ready")


def _is_choice(event: dict[str, Any]) -> bool:
    return event["kind"] == "MessageSent" or event.get("attr") in CHOICES


def _judge_event(event: Any) -> Verdict:
    kind = event.get("kind") if isinstance(event, dict) else None
    if kind in ECHOES:
        return Verdict.IGNORE
    if kind == "MessageSent":
        return _judge_browser_event(event)
    if kind not in ("ModelChanged", "ColumnDataChanged") or not _is_reference(event.get("model")):
        return Verdict.REFUSE
    if not _are_plain([event.get("new"), event.get("data"), event.get("cols")]):
        return Verdict.REFUSE
    attribute = event.get("attr")
    known = attribute in SIZES + CHOICES
    return Verdict.ACT if known else Verdict.IGNORE


def _judge_browser_event(event: dict[str, Any]) -> Verdict:
    data = event.get("msg_data")
    if event.get("msg_type") != "bokeh_event" or not isinstance(data, dict) or data.get("type") != "event":
        return Verdict.REFUSE
    values = data.get("values")
    entries = values.get("entries", []) if isinstance(values, dict) else None
    if not isinstance(entries, list) or not all(isinstance(one, list) and len(one) == 2 for one in entries):
        return Verdict.REFUSE
    if not _are_plain([value for _, value in entries if not _is_reference(value)]):
        return Verdict.REFUSE
    return Verdict.ACT if data.get("name") in BROWSER_EVENTS else Verdict.IGNORE


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"id"} and isinstance(value["id"], str)


def _are_plain(values: list[Any]) -> bool:
    """Say whether values are numbers, short texts, and lists and maps of them, and not too many."""
    waiting, count = list(values), 0
    while waiting:
        value = waiting.pop()
        count += 1
        if count > VALUES_MAX:
            return False
        if isinstance(value, str):
            fits = len(value) <= TEXT_MAX
        elif isinstance(value, (int, float)):
            fits = not abs(value) > NUMBER_MAX
        elif isinstance(value, dict):
            fits = value.get("type") in ("map", "number") and set(value) <= {"type", "entries", "value"}
            waiting += value.values()
        elif isinstance(value, list):
            fits = True
            waiting += value
        else:
            fits = value is None
        if not fits:
            return False
    return True
