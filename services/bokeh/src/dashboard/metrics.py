"""What the process counts and times, as Prometheus reads it; docs/operations.md says what it means."""

import gc
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import override

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from dashboard.health import Health
from dashboard.herald import Herald
from dashboard.traces import TraceCache

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

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
    """The garbage collections of the process: how many, how long in all, and the longest.

    One may begin while a metric's lock is held, so this takes no lock: it is called within the collection,
    of which there is one at a time.
    """

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self.longest = 0.0
        self._since = 0.0

    def watch(self) -> None:
        """Count from now on."""
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._since = time.perf_counter()
            return
        seconds = time.perf_counter() - self._since
        self.count += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)


class Served(Collector):
    """What is so at the moment of asking: open pages, versions and their age, readiness, collections."""

    def __init__(
        self,
        cache: TraceCache,
        herald: Herald,
        health: Health,
        pauses: Pauses,
        count_sockets: Callable[[], int],
        count_addresses: Callable[[], int],
    ) -> None:
        self._cache = cache
        self._herald = herald
        self._health = health
        self._pauses = pauses
        self._count_sockets = count_sockets
        self._count_addresses = count_addresses

    @override
    def collect(self) -> Iterable[Metric]:
        shelf, now = self._cache.shelf, datetime.now(UTC)
        yield GaugeMetricFamily("longitude_sessions_open", "Sessions now", value=len(self._herald.pages))
        yield GaugeMetricFamily("longitude_websockets_open", "Websockets now", value=self._count_sockets())
        yield GaugeMetricFamily(
            "longitude_addresses_present",
            "Addresses that websockets come from now",
            value=self._count_addresses(),
        )
        yield GaugeMetricFamily(
            "longitude_ready", "Whether visitors may be sent here", value=float(self._health.check_ready()[0])
        )
        age = GaugeMetricFamily(
            "longitude_version_age_seconds",
            "Time since the version served was fitted",
            labels=("study", "version"),
        )
        trouble = GaugeMetricFamily(
            "longitude_study_trouble", "Whether the volume holds what cannot be read", labels=("study",)
        )
        for study in shelf.studies:
            trouble.add_metric((study.name,), float(study.trouble is not None))
            if study.current is not None:
                created = study.current.manifest.created_at
                age.add_metric((study.name, study.current.name), (now - created).total_seconds())
        yield from (age, trouble)
        pauses = self._pauses
        yield CounterMetricFamily("longitude_collections", "Garbage collections", value=pauses.count)
        yield CounterMetricFamily(
            "longitude_collection_seconds", "Time spent in garbage collections", value=pauses.seconds
        )
        yield GaugeMetricFamily(
            "longitude_collection_longest_seconds", "The longest garbage collection", value=pauses.longest
        )


def write_metrics() -> bytes:
    """Write all metrics in the text format; may be called on any thread."""
    return generate_latest(REGISTRY)
