"""Fits in a process of their own, replaced between fits once it holds more memory than a bound.

Each compiled model stays in its process for good: some 60 MiB for each of the five with normal tails, and
600 MiB and more for the first with Student-t tails, which are as many as there are sizes of panels. To
clear every cache frees a third of the latter; only the end of the process frees the rest. The process
that watches has never compiled anything, and goes on where one that fits is killed for want of memory.
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
"""Bytes. All models with normal tails together stay below it, and so does one with Student-t tails."""

_END_SECONDS = 8.0
"""Within what Compose gives the worker to stop."""


class FittingProcess:
    """Fits one study after another in a child process, which reads its settings from the environment.

    The child ends when its standard input does, however the parent ended.
    """

    def __init__(self, stop: Event, most_resident: int = MOST_RESIDENT) -> None:
        self._stop, self._most_resident = stop, most_resident
        self._child: subprocess.Popen[str] | None = None
        self._student: Path | None = None

    def fit(self, folder: Path) -> Fitted | None:
        """Fit the study in a folder; see `model_worker.service.fit_job.fit_folder`.

        A study with Student-t tails gets a new process, and keeps it for its next fit, which finds its
        model compiled.
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
        """The child's process id; None where the next fit starts one."""
        return None if self._child is None else self._child.pid

    def end(self) -> None:
        """End the child; it finishes what it is writing, and nothing is half written."""
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
    """Send a request and wait for the reply; None where the child has ended."""
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
    """Fit the folders that standard input names, one a line, and reply to each with a line of JSON."""
    # Whoever stops the worker stops its first process, which closes this one's standard input.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    # What libraries print goes to the log and not among the replies.
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
            # The thread alone would end, and whoever waits for the reply would wait for ever.
            os._exit(1)

    # This thread hears the end of its input at once: one that compiles hears nothing.
    Thread(target=work, name="fits", daemon=True).start()
    for line in sys.stdin:
        folders.put(Path(json.loads(line)))
    writer.shut()
    os._exit(0)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
