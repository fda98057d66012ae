"""Evenness of four replicas: of new readers, and of all readers after one replica returned."""

import time
from collections import Counter
from collections.abc import Collection

import requests
from visitors.crowds import crowding, read_figure
from visitors.sites import address_of

from faults.load import Load
from probes import eventually
from stack import Stack

REPLICAS = 4
EVERY_SECONDS = 5.0


def measure_evenness(
    stack: Stack, query: str, sessions: int, few: int, stay: float, seconds: float
) -> tuple[float, float]:
    """Measure on a stack that is brought to four replicas for it.

    Parameters
    ----------
    sessions
        New readers that come, ten a second, and stay until all are there.
    few
        Readers who stay `stay` seconds in the mean; others take their place.
    seconds
        How long after a replica has returned its open websockets are counted.

    Returns
    -------
    tuple
        By how much the replica that is farthest from an even share is off it, as a part of the share: of
        new readers as they come, and of open websockets after a replica has returned.
    """
    stack.compose(
        "up", "--detach", "--wait", "--no-build", "--no-recreate", "--scale", f"bokeh={REPLICAS}", "bokeh"
    )
    replicas = stack.containers("bokeh")
    with Load(stack, sessions, 0.0, every=EVERY_SECONDS, query=query, name="coming") as crowd:
        live = [line for line in crowd.lines if line["what"] == "live"]
        came = Counter({line["session"]: line["replica"] for line in reversed(live)}.values())
    with crowding(Load(stack, few, 0.0, every=EVERY_SECONDS, query=query, stay=stay, name="staying")):
        [victim, *_] = replicas
        victim.stop(timeout=20)
        victim.start()
        victim.reload()
        ready = f"http://{address_of(victim, stack)}:5007/ready"
        eventually(lambda: requests.get(ready, timeout=5).ok, 60, "the replica has returned")
        time.sleep(seconds)
        opened = [
            read_figure(address_of(replica, stack), "longitude_websockets_open") for replica in replicas
        ]
    print(
        f"new by replica: {sorted(came.values())}; open {seconds:g} s after one returned: {opened}",
        flush=True,
    )
    return find_spread([came[replica.short_id] for replica in replicas]), find_spread(opened)


def find_spread(counts: Collection[float]) -> float:
    """Return the largest deviation of a count from the mean, as a part of the mean."""
    even = sum(counts) / len(counts)
    return max(abs(count - even) for count in counts) / even
