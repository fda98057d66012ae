"""Hours of the base load: what becomes of the replicas' memory, and whether sessions end when readers go.

Not among the tests that are found by their names: `make soak MINUTES=60` runs it.
"""

import statistics
import time

import pytest

from faults.injection import memory_of, sessions_of, standing_of
from faults.ledger import SOAK, Ledger
from faults.load import Load, say_failures
from probes import eventually

SAMPLE_SECONDS = 15.0
WARM_UP_SHARE = 1 / 6
"""Of the time: caches fill and the first collections happen."""


def test_memory_of_the_replicas_stays_and_sessions_end(
    load: Load, ledger: Ledger, request: pytest.FixtureRequest
) -> None:
    minutes = float(request.config.getoption("minutes"))
    replicas, before = load.stack.containers("bokeh"), standing_of(load.stack)
    began = time.monotonic()
    warm = began + 60 * minutes * WARM_UP_SHARE
    samples: dict[str, list[tuple[float, float]]] = {str(replica.name): [] for replica in replicas}
    with load.watch() as window:
        while time.monotonic() < began + 60 * minutes:
            for replica in replicas:
                now = time.monotonic()
                if now > warm:
                    samples[str(replica.name)].append(((now - began) / 3600, memory_of(replica)))
            due = began + SAMPLE_SECONDS * ((time.monotonic() - began) // SAMPLE_SECONDS + 1)
            time.sleep(due - time.monotonic())
    with ledger.account(f"{minutes:g} {SOAK}") as account:
        slopes = {}
        for name, points in samples.items():
            hours, sizes = zip(*points, strict=True)
            slope = statistics.linear_regression(hours, sizes).slope
            slopes[name] = 100 * slope / statistics.mean(sizes)
            print(f"{name}: {sizes[0]:.1f} to {sizes[-1]:.1f} MiB, {slope:+.2f} MiB an hour")
        sizes = [size for points in samples.values() for _, size in points]
        account.add(
            "memory slope of a replica under 1 % an hour after warm-up",
            f"steepest {max(slopes.values()):+.2f} % an hour of {len(slopes)} replicas, at "
            f"{min(sizes):.0f} to {max(sizes):.0f} MiB ({len(points)} samples each)",
            max(slopes.values()) < 1,
        )
        account.add(
            "no page load fails, no websocket is closed, no replica starts anew",
            f"{say_failures(window)}; {len(window.lost)} closed; "
            f"{'all' if standing_of(load.stack) == before else 'not all'} replicas as they were",
            not (window.failed or window.lost or window.wrong) and standing_of(load.stack) == before,
        )
        during = sum(sessions_of(replica) for replica in replicas)
        load.stop()
        eventually(
            lambda: not any(sessions_of(replica) for replica in replicas), 120, "all sessions have ended"
        )
        account.add("sessions return to 0", f"from {during} to 0", during >= load.sessions)
