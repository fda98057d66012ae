"""Logging to standard error: one JSON object a line, with replica, session, study and version where known."""

import json
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import override

from bokeh.util.logconfig import basicConfig

SESSION_CHARACTERS = 8
"""Characters of a session's identifier that are logged: the whole of it would open the session."""

MESSAGE_CHARACTERS = 2_000
STACK_CHARACTERS = 16_000
"""Characters kept of an event of a library, so that clients cannot push older events out of the log."""

CLIENT_FAULTS = (
    "Invalid UTF-8 sequence received from client.",
    "Invalid HTTP request received.",
    "Unsupported upgrade request.",
)

_about: ContextVar[dict[str, str]] = ContextVar("about", default={})  # noqa: B039


@contextmanager
def logging_about(session: str = "", study: str = "", version: str = "") -> Iterator[None]:
    """Add session, study and version to every event that this task and its threads log meanwhile."""
    known = {"session": session[:SESSION_CHARACTERS], "study": study, "version": version}
    token = _about.set(_about.get() | {name: value for name, value in known.items() if value})
    try:
        yield
    finally:
        _about.reset(token)


class JsonLine(logging.Formatter):
    """Writes an event, traceback included, as one line.

    What a call gives as ``extra={"fields": {...}}`` becomes fields of its own.
    """

    def __init__(self, replica: str) -> None:
        super().__init__()
        self._replica = replica

    @override
    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "replica": self._replica,
        }
        if not _is_own(record.name):
            told["message"] = told["message"][:MESSAGE_CHARACTERS]
        told |= _about.get() | getattr(record, "fields", {})
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)[-STACK_CHARACTERS:]
        return json.dumps(told, default=str)


def tell_message_faults(record: logging.LogRecord) -> bool:
    """Log the type of the error where Bokeh could not handle a message, and nothing that the client wrote.

    Where our own code was on the stack it may be at fault, and the stack is kept; else no page sends such a
    message, and it is information.
    """
    if not record.exc_info or not isinstance(error := record.exc_info[1], BaseException):
        return True
    record.msg, record.args = "a message could not be handled: %s", (type(error).__name__,)
    names = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(map(_is_own, names)) or _inform(record)


def tell_client_faults(record: logging.LogRecord) -> bool:
    """Log faults of clients that uvicorn reports as information, and without a stack."""
    if record.msg in CLIENT_FAULTS:
        return _inform(record)
    # A websocket that was refused: uvicorn takes it for one that was never answered.
    return record.msg != "ASGI callable returned without completing handshake."


def tell_untyped_messages(record: logging.LogRecord) -> bool:
    """Log that a message had no type, without its header, which the client wrote."""
    record.msg, record.args = "a message without a type", ()
    return _inform(record)


def _inform(record: logging.LogRecord) -> bool:
    record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
    return logging.getLogger().isEnabledFor(logging.INFO)


def _is_own(module: str) -> bool:
    return module.startswith("dashboard.")


def configure_logging(level: str, replica: str) -> None:
    """Send everything from `level` up, warnings of libraries included, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLine(replica))
    # Bokeh's own wrapper also takes away the handler that it installs when imported.
    basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    logging.getLogger("bokeh.server.protocol_handler").addFilter(tell_message_faults)
    logging.getLogger("uvicorn.error").addFilter(tell_client_faults)
    # The logger has no other events.
    logging.getLogger("bokeh.protocol").addFilter(tell_untyped_messages)
