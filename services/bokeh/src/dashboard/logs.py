"""Logging to standard error, one line per event."""

import logging
from typing import override

from bokeh.util.logconfig import basicConfig

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class OneLine(logging.Formatter):
    """Keeps an event, traceback included, on one line, so that it stays one event wherever logs are read."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\\n")


def configure_logging(level: str) -> None:
    """Send everything from `level` up, warnings of libraries included, to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine(FORMAT))
    # Bokeh's own wrapper also takes away the handler that it installs when imported.
    basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
