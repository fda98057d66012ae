"""Log format: one line per record, with time, level and study."""

import logging
import sys


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # A library's message may have several lines; a traceback keeps its lines (LOG_LEVEL=debug).
        if record.exc_info is None:
            record.msg, record.args = " ".join(record.getMessage().split()), None
        return super().format(record)


def configure_logs(level: str) -> None:
    """Write the worker's log lines of `level`, and libraries' warnings and errors, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Line("%(asctime)s %(levelname)s %(study)s: %(message)s", defaults={"study": "model-worker"})
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("model_worker").setLevel(level.upper())
    logging.captureWarnings(True)
