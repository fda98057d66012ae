"""The worker's only writer to the trace store; once it is shut, the process may end at any moment."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Lock

from tracestore.manifest import Manifest, ManifestDraft, Status
from tracestore.publisher import Publisher

_SHUT_SECONDS = 10.0


class StoreWriter:
    """Publisher of versions and writer of statuses, each with its own lock.

    A thread that compiles or samples cannot be interrupted, but its writes can be blocked. Once the
    writer is shut, no write is in progress, so the process may end whatever its threads are doing.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._publishing = Lock()
        self._telling = Lock()

    def publish(self, draft: ManifestDraft, write: Callable[[Path], None]) -> Manifest:
        """Publish a version; see `tracestore.publisher.Publisher.publish`."""
        with self._publishing:
            return self._publisher.publish(draft, write)

    def retain(self, study: str, keep: int, ttl: timedelta) -> tuple[str, ...]:
        """Remove old versions; see `tracestore.publisher.Publisher.retain`."""
        with self._publishing:
            return self._publisher.retain(study, keep, ttl)

    def write_status(self, status: Status) -> None:
        """Replace a study's status; see `tracestore.publisher.Publisher.write_status`."""
        with self._telling:
            self._publisher.write_status(status)

    def shut(self) -> None:
        """Wait for writes in progress and block later ones forever."""
        self._publishing.acquire(timeout=_SHUT_SECONDS)
        self._telling.acquire(timeout=_SHUT_SECONDS)
