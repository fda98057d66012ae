"""Progress of a fit, written to status.json at least once a second."""

import logging
from collections.abc import Callable
from datetime import datetime
from threading import Event, Lock, Thread
from time import monotonic
from types import TracebackType
from typing import Self

from tracestore.errors import PublishFailed
from tracestore.manifest import Fault, Phase, Status, utc_now

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.5
FAULTS_TOLD = 100
"""Maximum number of faults in a status; the log and `check` list all of them."""


def make_status(
    study: str, title: str, phase: Phase, *, error: str | None = None, faults: tuple[Fault, ...] = ()
) -> Status:
    """Build a status outside a fit: waiting, published, failed or invalid."""
    now = utc_now()
    told = faults[:FAULTS_TOLD]
    if len(faults) > len(told):
        number = sum(fault.times for fault in faults)
        error = f"{number:,} faults were found; these are the first {len(told)}."
    return Status(
        study=study, title=title, phase=phase, started_at=now, updated_at=now, error=error, faults=told
    )


class Progress:
    """Context manager that writes a study's status on every phase change and every half second.

    Writing ends on exit; the caller then writes the final status.
    """

    def __init__(self, study: str, title: str, write: Callable[[Status], None]) -> None:
        self._write = write
        self._study, self._title = study, title
        self._phase: Phase = "reading"
        self._done = self._total = 0
        self._started_at: datetime = utc_now()
        self._sampling_since = 0.0
        self._refused = False
        self._state = Lock()
        self._leaving = Event()
        self._thread = Thread(target=self._repeat, name=f"status-{study}", daemon=True)

    def __enter__(self) -> Self:
        self._tell()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._thread.join()

    def enter(self, phase: Phase, draws_total: int = 0) -> None:
        """Begin a phase; for sampling, `draws_total` counts the draws of all chains, including tuning."""
        with self._state:
            self._phase = phase
            if draws_total:
                self._done, self._total, self._sampling_since = 0, draws_total, monotonic()
        self._tell()

    def count_draws(self, done: int) -> None:
        """Record the number of draws made so far."""
        with self._state:
            self._done = min(done, self._total)

    def status(self) -> Status:
        """Return the current status; the ETA assumes that later draws take as long as earlier ones."""
        with self._state:
            eta = None
            if self._phase == "sampling" and self._done:
                elapsed = monotonic() - self._sampling_since
                eta = elapsed / self._done * (self._total - self._done)
            return Status(
                study=self._study,
                title=self._title,
                phase=self._phase,
                draws_done=self._done,
                draws_total=self._total,
                eta_seconds=eta,
                started_at=self._started_at,
                updated_at=utc_now(),
            )

    def _repeat(self) -> None:
        while not self._leaving.wait(INTERVAL_SECONDS):
            self._tell()

    def _tell(self) -> None:
        # A failed status write must not end the fit: publishing will report the disk's error.
        try:
            self._write(self.status())
        except PublishFailed as error:
            if not self._refused:
                log.error("%s", error, extra={"study": self._study})
            self._refused = True
