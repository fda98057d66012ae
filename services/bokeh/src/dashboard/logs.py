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
"""Of a session's id, which is part of what opens it, so many are told: enough to tell sessions apart."""

MESSAGE_CHARACTERS = 2_000
STACK_CHARACTERS = 16_000
"""Of an event of a library that are kept: what a client sends must not push what was logged before it out of
the log. Our own events hold nothing of that, and the stacks of a process that hangs are long."""

CARRIER = "dashboard.threads"

_about: ContextVar[dict[str, str]] = ContextVar("about", default={})  # noqa: B039


@contextmanager
def speaking_of(session: str = "", study: str = "", version: str = "") -> Iterator[None]:
    """Add to every event logged meanwhile, in this task and the threads it starts, what it is about."""
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


class Left(logging.Filter):
    """Tells that a client left while it was sent something as what it is: nothing to be warned of."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg == "Failed sending message as connection was closed":
            record.levelno, record.levelname = logging.DEBUG, "DEBUG"
            return logging.getLogger().isEnabledFor(logging.DEBUG)
        return True


class Asked(logging.Filter):
    """Tells of a message that could not be handled what it needs, and nothing that the client wrote.

    Where our own code was on the way it may be at fault, and its stack is kept; else the message was none
    that a page sends.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info or not isinstance(error := record.exc_info[1], BaseException):
            return True
        record.msg, record.args = "a message could not be handled: %s", (type(error).__name__,)
        names = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
        # All that is done on threads is carried by ours, and is at fault no more for that.
        if not any(_is_own(name) and name != CARRIER for name in names):
            record.exc_info = None
            record.levelno, record.levelname = logging.INFO, "INFO"
            return logging.getLogger().isEnabledFor(logging.INFO)
        return True


class Headless(logging.Filter):
    """Tells that a message had no type, without its header, which is the client's."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = "a message without a type", ()
        record.levelno, record.levelname = logging.INFO, "INFO"
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
    logging.getLogger("bokeh.server.views.ws").addFilter(Left())
    logging.getLogger("bokeh.server.protocol_handler").addFilter(Asked())
    # It logs nothing else.
    logging.getLogger("bokeh.protocol").addFilter(Headless())
