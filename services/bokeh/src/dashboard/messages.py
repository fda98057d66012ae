"""Which of the messages that Bokeh's protocol has are acted on."""

from enum import Enum
from typing import Any

from bokeh.protocol.message import Message

CHANGES = {"ModelChanged", "ColumnDataChanged", "MessageSent"}
"""A widget or a source has another value, or was clicked."""

ECHOES = {"RootAdded", "TitleChanged"}
"""What a browser says after it has taken over the document of another replica, of which this has all."""


class Verdict(Enum):
    """What is done with a message."""

    ACT = "acted on"
    IGNORE = "answered and not acted on"
    REFUSE = "nothing that a page sends"


def judge(message: Message[Any]) -> Verdict:
    """Judge a message by its kind and by those of its events.

    What no page sends would write into columns of data, which sessions have in common with each other and
    with the version they show, or put another document in the place of ours.
    """
    if message.msgtype == "PUSH-DOC":
        return Verdict.REFUSE
    if message.msgtype != "PATCH-DOC":
        return Verdict.ACT
    kinds = _list_kinds(message.content)
    if kinds <= CHANGES:
        return Verdict.ACT
    return Verdict.IGNORE if kinds <= ECHOES else Verdict.REFUSE


def _list_kinds(content: Any) -> set[str]:
    events = content.get("events") if isinstance(content, dict) else None
    if not isinstance(events, list):
        return {"no events"}
    return {str(event.get("kind")) if isinstance(event, dict) else "no event" for event in events}
