"""Which replica the proxy sends requests to, by its cookie, and what replicas got, from the logs of both."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import docker
import requests
from docker.models.containers import Container

from probes import eventually
from stack import Stack


def find_address(stack: Stack, container: Container, network: str = "pages") -> str:
    """Give a container's address in a network, if nothing else is said in the one of proxy and replicas."""
    return str(container.attrs["NetworkSettings"]["Networks"][f"{stack.project}_{network}"]["IPAddress"])


def find_cookie(stack: Stack, replica: Container) -> str:
    """Give the cookie that leads to a replica: ask until it is the one that answers. Leaves no session."""

    def ask() -> str:
        answer = requests.head(stack.url, verify=str(stack.ca), timeout=20)
        asked = answer.headers.get("X-Longitude-Replica")
        return f"longitude={answer.cookies['longitude']}" if asked == replica.short_id else ""

    return eventually(ask, 20, f"an answer of {replica.name}")


def list_events(replica: Container, since: float) -> list[dict[str, Any]]:
    """Give what a replica has logged since a moment, in its order."""
    lines = replica.logs(since=int(since)).decode().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def list_new_visits(stack: Stack, address: str, since: float) -> list[float]:
    """Give when page loads began that a replica answered, from a moment on; in seconds since 1970."""
    return [began for began, answered_by in _list_visits(stack) if answered_by == address and began >= since]


def _list_visits(stack: Stack) -> list[tuple[float, str]]:
    """Give when each page was asked for, in seconds since 1970, and the address of who answered it.

    Where it was tried again, that is when it was answered: it may have been sent there last.
    """
    visits = []
    for line in stack.logs("traefik").splitlines():
        record = json.loads(line) if line.startswith("{") else {}
        if record.get("RequestMethod") != "GET" or record.get("RequestPath", "").partition("?")[0] != "/":
            continue
        if answered_by := record.get("ServiceAddr", ""):
            began = datetime.fromisoformat(record["StartUTC"]).timestamp()
            tried = record["Duration"] / 1e9 if record.get("RetryAttempts") else 0.0
            visits.append((began + tried, answered_by.rpartition(":")[0]))
    return visits


@dataclass
class Leaving:
    """The replicas that leave within a context, and when each was sent a page last.

    Attributes
    ----------
    told
        How many have been told to stop.
    last
        Seconds from that to the last page load that was sent there, of each that got any.
    """

    stack: Stack
    told: int = 0
    last: list[float] = field(default_factory=list)
    _addresses: dict[str, str] = field(default_factory=dict, repr=False)

    def know_replicas(self) -> None:
        """Note which replicas there are; before they are told to stop."""
        replicas = self.stack.containers("bokeh")
        self._addresses |= {str(replica.id): find_address(self.stack, replica) for replica in replicas}

    def find_last(self, moments: dict[str, dict[str, float]]) -> None:
        """Find each replica's last page after `kill`, until `die`: moments of them by container."""
        visits = _list_visits(self.stack)
        for replica, address in self._addresses.items():
            if "kill" not in (at := moments.get(replica, {})):
                continue
            self.told += 1
            told, ended = at["kill"], at.get("die", float("inf"))
            after = [began - told for began, by in visits if by == address and told <= began <= ended]
            self.last += [max(after)] if after else []


@contextmanager
def watching_who_leaves(stack: Stack) -> Iterator[Leaving]:
    """Watch which replicas leave for as long as the context lasts; it knows those that are there by then."""
    # The engine remembers some hundred events, fewer than there are while replicas come and go.
    events = docker.from_env().events(filters={"type": "container", "event": ["kill", "die"]}, decode=True)
    moments: dict[str, dict[str, float]] = {}

    def note() -> None:
        for event in events:
            moments.setdefault(event["id"], {}).setdefault(event["Action"], event["timeNano"] / 1e9)

    thread = threading.Thread(target=note, daemon=True)
    thread.start()
    leaving = Leaving(stack)
    leaving.know_replicas()
    try:
        yield leaving
    finally:
        events.close()
        thread.join()
    leaving.find_last(moments)
