"""Which of the messages that Bokeh's protocol has a page sends, and so may be acted on."""

from typing import Any

from bokeh.protocol.message import Message

EVENTS = ("ModelChanged", "ColumnDataChanged", "MessageSent")
"""A widget or a source has another value, or was clicked. The others write into columns of data, which
sessions have in common with each other and with the version they show, or change which models there are."""


def is_of_page(message: Message[Any]) -> bool:
    """Say whether a page sends such messages; one that does not comes from somebody who means harm."""
    if message.msgtype == "PUSH-DOC":
        return False
    if message.msgtype != "PATCH-DOC":
        return True
    content = message.content
    events = content.get("events") if isinstance(content, dict) else None
    return isinstance(events, list) and all(
        isinstance(event, dict) and event.get("kind") in EVENTS for event in events
    )
