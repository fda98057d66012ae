"""The filter of incoming messages: only the events that a page sends, with plain values, are acted on.

Bokeh would make any model that a client describes, open files that such a model names, and unpack bytes
without a bound. A page needs none of that.
"""

from enum import Enum
from typing import Any, override

from bokeh.protocol import Protocol
from bokeh.protocol.message import Message

from dashboard.live.internals import Batch


class BatchProtocol(Protocol):
    """Bokeh's protocol, in which a `Batch` is a message of several events."""

    @override
    def create(self, msgtype: Any, *args: Any, **metadata: Any) -> Any:
        if msgtype == "PATCH-DOC" and isinstance(args[0][0], Batch):
            args = (args[0][0].events,)
        return super().create(msgtype, *args, **metadata)


PROTOCOL = BatchProtocol()
"""Assembles and makes messages; it holds nothing of a connection."""

SIZES = ("inner_width", "inner_height", "outer_width", "outer_height", "start", "end")
CHOICES = ("value", "value_throttled", "data", "indices")
"""Properties that a reader changes: the slider, the request of the page's own controls, a tapped unit."""

KINDS = ("PATCH-DOC", "PULL-DOC-REQ", "SERVER-INFO-REQ")
"""Types of messages that a page sends."""

BROWSER_EVENTS = ("button_click", "document_ready")

ECHOES = ("RootAdded", "TitleChanged")
"""Events that a browser sends after it took over the document of another replica; they change nothing
here."""

EVENTS_MAX = 64
"""Events of one message; a page was seen to send four."""

CHOICES_MAX = 8
"""Changes of one message, each of which takes some ten milliseconds; a reader makes one at a time."""

VALUES_MAX = 1_000
"""Values of one event, nested ones included; a reader's change has some six."""

TEXT_MAX = 4_096
NUMBER_MAX = 1e15


class Verdict(Enum):
    """The treatment of a message."""

    ACT = "acted on"
    IGNORE = "answered and not acted on"
    REFUSE = "of a kind that pages do not send"


def judge(message: Message[Any]) -> Verdict:
    """Return how to treat a message; events that are not acted on are removed from it."""
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
    """Return whether values are numbers, short texts, and lists and maps of them, and not too many."""
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
