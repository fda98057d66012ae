"""Counters and timings of the process, as Prometheus reads them; docs/operations.md explains each."""

import gc
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, override

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from dashboard.application_state import ApplicationState

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

PAUSES_NOTED = 10_000
"""Collections between two readings of the metrics that are counted: hours of them."""

PAUSES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
SHORT = (0.005, 0.01, 0.02, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)

SESSIONS_CREATED = Counter(
    "longitude_sessions_created", "Sessions made since the process began", registry=REGISTRY
)
RECONNECTS_RESTORED = Counter(
    "longitude_reconnects_restored",
    "Sessions made for a websocket whose own was gone, with the state of its address",
    registry=REGISTRY,
)
DOCUMENT_SECONDS = Histogram(
    "longitude_document_seconds", "Building a session's document", buckets=SHORT, registry=REGISTRY
)
CHANGE_SECONDS = Histogram(
    "longitude_change_seconds",
    "A reader's change, from when its turn has come to the end of what answers it",
    buckets=SHORT,
    registry=REGISTRY,
)
LOOP_LAG_SECONDS = Histogram(
    "longitude_loop_lag_seconds",
    "How much later than asked the event loop woke, at each of its beats",
    buckets=(0.001, 0.002, *SHORT),
    registry=REGISTRY,
)


class Pauses:
    """The garbage collections of the process.

    A collection may begin while a metric's lock is held, so each is noted, and counted when asked.
    """

    def __init__(self) -> None:
        self._since = 0.0
        self._noted: deque[float] = deque(maxlen=PAUSES_NOTED)
        self._counted = Histogram(
            "longitude_collection_seconds", "Garbage collections", buckets=PAUSES, registry=None
        )

    def watch(self) -> None:
        """Count from now on."""
        gc.callbacks.append(self._note)

    def collect(self) -> Iterable[Metric]:
        """Return how many took how long."""
        while self._noted:
            self._counted.observe(self._noted.popleft())
        return self._counted.collect()

    def _note(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._since = time.perf_counter()
        else:
            self._noted.append(time.perf_counter() - self._since)


class Served(Collector):
    """Figures of the moment of asking: open pages, versions and their age, memory, readiness, collections."""

    def __init__(self, state: "ApplicationState", pauses: Pauses) -> None:
        self._state = state
        self._pauses = pauses

    @override
    def collect(self) -> Iterable[Metric]:
        state, now = self._state, datetime.now(UTC)
        ready, _ = state.health.check_ready()
        gauges = (
            ("longitude_sessions_open", "Sessions now", len(state.notifier)),
            ("longitude_websockets_open", "Websockets now", len(state.in_flight.sockets)),
            ("longitude_ready", "Whether visitors may be sent here", ready),
            ("longitude_versions_held", "Versions whose draws are in memory", len(state.versions)),
            ("longitude_versions_bytes", "Memory that they take, as estimated", state.versions.used_bytes),
            ("longitude_versions_bytes_max", "Memory that they may take", state.versions.memory_bytes),
        )
        for name, documentation, value in gauges:
            yield GaugeMetricFamily(name, documentation, value=float(value))
        age = GaugeMetricFamily(
            "longitude_version_age_seconds",
            "Time since the version served was fitted",
            labels=("study", "version"),
        )
        trouble = GaugeMetricFamily(
            "longitude_study_trouble", "Whether a file of the study cannot be read", labels=("study",)
        )
        for entry in state.catalogue.snapshot.entries:
            trouble.add_metric((entry.name,), float(entry.trouble is not None))
            if entry.published is not None:
                seconds = (now - entry.published.created_at).total_seconds()
                age.add_metric((entry.name, entry.published.version), seconds)
        yield from (age, trouble, *self._pauses.collect())


def write_metrics() -> bytes:
    """Write all metrics in the text format; may be called on any thread."""
    return generate_latest(REGISTRY)
