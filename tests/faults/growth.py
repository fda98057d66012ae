"""What one replica needs as studies, units and versions grow: its start, its memory and its pages.

The replica is compose.yaml's, with its limits, and nothing stands before it. No worker watches the store,
which is filled by `growing.py`.
"""

import asyncio
import json
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import docker
import requests
from docker.models.containers import Container

from faults.injection import address_of, ask_inside, memory_of, run_inside
from faults.visitor import Connection, Refused, Site, load_page
from stack import Stack

PROGRAM = Path(__file__).parent / "growing.py"
SOURCE = "cigarette-sales"
STUDIES_AT_ONCE = 200
"""Published by one command, which has five minutes."""

STUDIES_LOADS = 20
VIEWS = ("dashboard", "loading", "problem")
"""A study may be too large to be shown, which its page then says."""

READY_SECONDS = 120
POLL_SECONDS = 0.02
PORT, INTERNAL_PORT = 5006, 5007


@dataclass(frozen=True)
class Growth:
    """What was measured of one replica.

    Attributes
    ----------
    ready_s
        Seconds from the start of the container until /ready.
    rest_mib, peak_mib
        Resident memory of the replica's process when it was ready, and the most through all visits; what
        it has mapped of files counts.
    charged_mib
        What the container was charged with at the end, without files that the kernel could let go.
    answered_s
        95th percentile of the seconds of a page of a version that is not in memory.
    shown_s
        The same until the page shows its figures, which it may be sent later.
    studies_s
        95th percentile of the seconds of /studies.
    views
        How many pages showed what in the end.
    """

    ready_s: float
    rest_mib: float
    peak_mib: float
    charged_mib: float
    answered_s: float
    shown_s: float
    studies_s: float
    views: Counter[str]

    def __str__(self) -> str:
        return (
            f"ready after {self.ready_s:.1f} s, {self.rest_mib:.0f} MiB resident at rest and "
            f"{self.peak_mib:.0f} at most ({self.charged_mib:.0f} charged), a page after "
            f"{self.answered_s:.2f} s and shown after {self.shown_s:.2f} s (p95), "
            f"/studies {1000 * self.studies_s:.0f} ms; pages: {self.shown}"
        )

    @property
    def shown(self) -> str:
        """How many pages showed what, in words."""
        return ", ".join(f"{count} {view}" for view, count in self.views.most_common())


@contextmanager
def lone_replica(project: str) -> Iterator[Stack]:
    """Build a stack of one replica and a store with one fitted study for as long as the context lasts."""
    stack = Stack(project, replicas_wanted=1)
    stack.prepare()
    stack.down()
    try:
        stack.compose("up", "--no-deps", "--no-build", "setup")
        stack.in_worker("fit", SOURCE)
        stack.compose("up", "--no-start", "--no-deps", "--no-build", "bokeh")
        yield stack
    finally:
        stack.down()


def fill(stack: Stack, what: str, count: int) -> dict[str, Any]:
    """Publish `count` of `studies`, `units` or `versions`; return what growing.py says last."""
    mounted = ("--volume", f"{PROGRAM}:/growing.py:ro", "--entrypoint", "python")
    done = stack.compose(
        "run", "-T", "--rm", "--no-deps", *mounted, "model-worker", "/growing.py", what, str(count)
    )
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def fill_studies(stack: Stack, count: int) -> list[str]:
    """Publish studies until the store has `count` of them, the fitted one included; return their names."""
    for reached in range(STUDIES_AT_ONCE, count - 1, STUDIES_AT_ONCE):
        fill(stack, "studies", reached)
    return [SOURCE, *fill(stack, "studies", count - 1)["studies"]]


def start(stack: Stack) -> tuple[Container, float]:
    """Start the replica anew; return it and the seconds until it is ready."""
    [replica] = find_replicas(stack)
    if replica.status == "running":
        replica.kill()
    replica.start()
    replica.reload()
    started = datetime.fromisoformat(replica.attrs["State"]["StartedAt"]).timestamp()
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready(replica):
        assert time.monotonic() < deadline, f"not ready after {READY_SECONDS} s: {replica.logs(tail=20)!r}"
        time.sleep(POLL_SECONDS)
    return replica, time.time() - started


def find_replicas(stack: Stack) -> list[Container]:
    """Return the replicas of a stack, whether or not they run."""
    labels = [f"com.docker.compose.project={stack.project}", "com.docker.compose.service=bokeh"]
    return docker.from_env().containers.list(all=True, filters={"label": labels})


def is_ready(replica: Container) -> bool:
    """Return whether a replica says that it is ready."""
    try:
        return requests.get(f"http://{address_of(replica)}:{INTERNAL_PORT}/ready", timeout=5).ok
    except requests.RequestException:
        return False


def site_of(stack: Stack, replica: Container) -> Site:
    """Return the site that one replica is, without the proxy."""
    return Site(f"http://{address_of(replica)}:{PORT}", None, f"http://localhost:{stack.https_port}")


def measure(stack: Stack, names: list[str]) -> Growth:
    """Start the replica anew, and visit a page of each of the studies in an order of chance."""
    replica, ready = start(stack)
    site = site_of(stack, replica)
    rest = read_resident(replica)
    lists = [time_studies(site) for _ in range(STUDIES_LOADS)]
    order = random.Random(len(names)).sample(names, len(names))
    seen = [asyncio.run(time_page(site, f"study={name}")) for name in order]
    assert replica.attrs["State"]["StartedAt"] == started_anew(replica), "the replica was started again"
    return Growth(
        ready_s=ready,
        rest_mib=rest,
        peak_mib=read_peak(replica),
        charged_mib=memory_of(replica),
        answered_s=find_p95([visit.answered for visit in seen]),
        shown_s=find_p95([visit.shown for visit in seen]),
        studies_s=find_p95(lists),
        views=Counter(visit.view for visit in seen),
    )


def started_anew(replica: Container) -> str:
    """Return when a container was started last."""
    replica.reload()
    return str(replica.attrs["State"]["StartedAt"])


@dataclass(frozen=True)
class Timed:
    """One visit: seconds until the page came, seconds until it showed what it shows, and what that is."""

    answered: float
    shown: float
    view: str


async def time_page(site: Site, query: str) -> Timed:
    """Load a page, open its websocket, wait until nothing is being loaded for it, and leave."""
    began = time.monotonic()
    page = await load_page(site, query, views=VIEWS)
    answered = shown = time.monotonic() - began
    connection = await Connection.open(page, page.words["query"])
    if page.words["view"] == "loading":
        shown = time.monotonic() - began
    await connection.close()
    return Timed(answered, shown, connection.words["view"])


def time_studies(site: Site) -> float:
    """Return the seconds that the list of studies takes."""
    began = time.monotonic()
    answer = requests.get(f"{site.url}/studies", timeout=60)
    assert answer.ok, answer.status_code
    return time.monotonic() - began


def read_resident(replica: Container) -> float:
    """Return the resident memory of the replica's process in MiB, as it says itself."""
    found = re.search(r"^process_resident_memory_bytes (\S+)$", ask_inside(replica, "/metrics"), re.MULTILINE)
    assert found, "the metrics have no process_resident_memory_bytes"
    return float(found[1]) / 2**20


def read_peak(replica: Container) -> float:
    """Return the most resident memory that the largest process of a container has had, in MiB."""
    said = run_inside(replica, "cat /proc/[0-9]*/status")
    return max(int(size) for size in re.findall(r"VmHWM:\s+(\d+) kB", said)) / 1024


def find_p95(times: list[float]) -> float:
    """Return the value that 95 % of the times stay below; the largest of fewer than twenty."""
    return statistics.quantiles(times, n=20)[-1] if len(times) >= 20 else max(times)


def measure_studies(stack: Stack, count: int) -> Growth:
    """Measure with so many studies in the store."""
    return measure(stack, fill_studies(stack, count))


def measure_units(stack: Stack, count: int) -> Growth:
    """Measure with a study of so many units in the store."""
    return measure(stack, fill(stack, "units", count)["studies"])


def measure_versions(stack: Stack, count: int, say: Callable[[str], None] = print) -> Growth:
    """Measure after so many versions of one study were published while the replica served it.

    The peak is that of the replica which saw all of them, with a page open and another loaded now and then.
    """
    replica, _ = start(stack)
    site = site_of(stack, replica)
    before = read_resident(replica)
    with ThreadPoolExecutor(1) as thread:
        filling = thread.submit(fill, stack, "versions", count)
        loads = asyncio.run(read_until(filling.done, site, "study=many-versions"))
        said = filling.result()
    after, peak = read_resident(replica), read_peak(replica)
    say(f"{count} versions: {before:.0f} MiB before and {after:.0f} after, {loads} pages loaded meanwhile")
    grown = measure(stack, said["studies"])
    return Growth(**vars(grown) | {"peak_mib": max(peak, grown.peak_mib)})


async def read_until(is_over: Callable[[], bool], site: Site, query: str) -> int:
    """Keep a page open and load another twice a second until it is over; return how many were loaded."""
    connection, loads = None, 0
    try:
        while not is_over():
            # Before the first version is published there is no such study.
            with suppress(Refused):
                page = await load_page(site, query)
                loads += 1
                if connection is None:
                    connection = await Connection.open(page, page.words["query"])
            await asyncio.sleep(0.5)
    finally:
        if connection is not None:
            await connection.close()
    return loads
