"""Ends a process whose event loop hangs, so that the engine starts it anew; says first where it hung.

The proxy has long gone around such a process by then (`health`). Silence is counted in looks of this
thread at which no new mark of the loop was there, and not in hours of a clock: a process that was stopped
(SIGSTOP, a frozen container, a machine that slept) made no looks either and is not ended when it goes on.
"""

import faulthandler
import logging
import os
import signal
import sys
import threading
import traceback

from dashboard.health import Health

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
DUMP_SECONDS = 5.0
END_SECONDS = 10.0
EXIT_CODE = 70
"""EX_SOFTWARE of sysexits(3); any code but 0 makes the engine start the container again."""

HELD_SECONDS = 15.0
"""Processor time without a single look: code that never gives up the interpreter's lock burns it."""


def describe_stacks() -> str:
    """Give the stack of every thread, innermost call last, as Python writes tracebacks."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame)).rstrip()}"
        for ident, frame in sys._current_frames().items()
    )


class Watchdog:
    """A thread that looks at the loop's marks; `stop` before the loop is ended on purpose.

    Parameters
    ----------
    health
        Where the loop leaves its marks.
    dump_seconds, end_seconds
        After how much silence the stacks are logged, and after how much the process ends.
    """

    def __init__(
        self, health: Health, dump_seconds: float = DUMP_SECONDS, end_seconds: float = END_SECONDS
    ) -> None:
        self._health = health
        self._dump_looks = round(dump_seconds / LOOK_SECONDS)
        self._end_looks = round(end_seconds / LOOK_SECONDS)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._mark: float | None = None
        self._silent = 0

    def start(self) -> None:
        """Begin to look; called from the main thread, which alone may ask for signals."""
        # Where this thread cannot run either, the kernel counts the processor time, and the handler, which
        # is C, writes the stacks to standard error and hands on to the signal's default: the end.
        faulthandler.register(signal.SIGPROF, all_threads=True, chain=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop looking and wait for the thread."""
        self._stopping.set()
        self._thread.join()
        signal.setitimer(signal.ITIMER_PROF, 0)

    def look(self) -> int:
        """Count this look; give how many in a row saw no new mark. Before the first mark none counts."""
        mark = self._health.last_beat
        self._silent = self._silent + 1 if mark is not None and mark == self._mark else 0
        self._mark = mark
        return self._silent

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            signal.setitimer(signal.ITIMER_PROF, HELD_SECONDS)
            silent = self.look()
            if silent == self._dump_looks:
                log.critical(
                    "the event loop has been silent for %g s; stacks:\n%s",
                    silent * LOOK_SECONDS,
                    describe_stacks(),
                )
            if silent >= self._end_looks:
                log.critical("the event loop has been silent for %g s: ending", silent * LOOK_SECONDS)
                os._exit(EXIT_CODE)
