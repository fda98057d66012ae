"""Separate process for fits, replaced between fits once its memory exceeds a bound.

Each compiled model stays in its process until that process ends. The five models with normal tails take
some 60 MiB each. The first model with Student-t tails takes 600 MiB or more, and each panel size has its
own. Clearing every cache frees a third of the latter; only the end of the process frees the rest. The
watching process never compiles, and it survives if a fitting process is killed for lack of memory.
"""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from model_worker.service.fit_job import Fitted, fit_folder
from model_worker.service.logs import configure_logs
from model_worker.service.store_writer import StoreWriter
from model_worker.settings import read_settings
from model_worker.study.definition import read_study
from model_worker.study.faults import InvalidInput
from tracestore.publisher import Publisher

log = logging.getLogger(__name__)

MOST_RESIDENT = 1100 << 20
"""Bound in bytes; all models with normal tails together, or one with Student-t tails, stay below it."""

_END_SECONDS = 8.0
"""Time for the child to end; it is shorter than the stop grace period in Compose."""


class FittingProcess:
    """Child process that fits studies one at a time and reads its settings from the environment.

    The child ends when its standard input closes, however the parent ended.
    """

    def __init__(self, stop: Event, most_resident: int = MOST_RESIDENT) -> None:
        self._stop, self._most_resident = stop, most_resident
        self._child: subprocess.Popen[str] | None = None
        self._student: Path | None = None

    def fit(self, folder: Path) -> Fitted | None:
        """Fit the study in a folder; see `model_worker.service.fit_job.fit_folder`.

        A study with Student-t tails starts a new process. The process is reused if the same study is
        fitted next, so that its model is already compiled.
        """
        if _has_student_tails(folder) and folder != self._student:
            self.end()
            self._student = folder
        try:
            child = self._child or self._start()
        except OSError as error:
            return _break_off(folder, f"no process can be started ({error.strerror})")
        reply = _ask(child, folder)
        if reply is None:
            self.end()
            return None if self._stop.is_set() else _break_off(folder, _explain_end(child.wait()))
        if reply["resident"] > self._most_resident:
            held = reply["resident"] >> 20
            log.info("the fitting process holds %d MiB; the next fit starts another one", held)
            self.end()
        fitted = reply["fitted"]
        return None if fitted is None else Fitted(**fitted)

    @property
    def child(self) -> int | None:
        """The child's process id; None if the next fit starts a new child."""
        return None if self._child is None else self._child.pid

    def end(self) -> None:
        """End the child after it has finished any write in progress."""
        child, self._child, self._student = self._child, None, None
        if child is None or child.stdin is None:
            return
        with suppress(OSError):
            child.stdin.close()
        try:
            child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _start(self) -> "subprocess.Popen[str]":
        self._child = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self._child


def _ask(child: "subprocess.Popen[str]", folder: Path) -> dict[str, Any] | None:
    """Send a request and return the reply; None if the child has ended."""
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(str(folder)) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
    except (OSError, ValueError):
        return None
    return dict(json.loads(line)) if line.endswith("\n") else None


def _has_student_tails(folder: Path) -> bool:
    try:
        return read_study(folder).toml.model.tails == "student"
    except InvalidInput:
        return False


def _break_off(folder: Path, reason: str) -> Fitted:
    error = f"The fit broke off: {reason}."
    log.error("%s", error, extra={"study": folder.name})
    return Fitted(None, error)


def _explain_end(code: int) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed, as the system does where memory is short"
    reason = signal.strsignal(-code) if code < 0 else f"code {code}"
    return f"its process ended unexpectedly ({reason})"


def main() -> None:
    """Read folders from standard input, one a line; fit each and write a reply as a line of JSON."""
    # A stop of the worker goes to the parent process, which then closes this process's standard input.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    # Standard output of libraries goes to standard error, so that it does not mix with the replies.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    settings = read_settings()
    configure_logs(settings.log_level)
    writer = StoreWriter(Publisher(settings.traces_dir))
    folders: SimpleQueue[Path] = SimpleQueue()

    def work() -> None:
        try:
            while True:
                fitted = fit_folder(folders.get(), settings, writer, Event())
                reply = {"fitted": None if fitted is None else asdict(fitted), "resident": _resident_bytes()}
                replies.write(json.dumps(reply) + "\n")
                replies.flush()
        except BaseException:
            log.exception("the fitting process ends")
            # Otherwise only this thread would end, and the parent would wait forever for the reply.
            os._exit(1)

    # The main thread only reads, so it notices the end of input at once; a compiling thread would not.
    Thread(target=work, name="fits", daemon=True).start()
    for line in sys.stdin:
        folders.put(Path(json.loads(line)))
    writer.shut()
    os._exit(0)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
