"""Which replica the proxy sends requests to, by its cookie, and has sent them to, from its access log."""

import json
from datetime import datetime

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


def list_new_visits(stack: Stack, address: str, since: float) -> list[float]:
    """Give when page loads began that a replica answered, from a moment on; in seconds since 1970."""
    began = []
    for line in stack.logs("traefik").splitlines():
        record = json.loads(line) if line.startswith("{") else {}
        if record.get("RequestMethod") != "GET" or record.get("RequestPath", "").partition("?")[0] != "/":
            continue
        if record.get("ServiceAddr", "").startswith(f"{address}:"):
            began.append(datetime.fromisoformat(record["StartUTC"]).timestamp())
    return [moment for moment in began if moment >= since]
