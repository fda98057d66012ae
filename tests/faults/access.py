"""Which replica the proxy has sent requests to, from its access log."""

import json
from datetime import datetime

from docker.models.containers import Container

from stack import Stack


def find_address(stack: Stack, replica: Container) -> str:
    """Give a replica's address in the network that it shares with the proxy."""
    return str(replica.attrs["NetworkSettings"]["Networks"][f"{stack.project}_pages"]["IPAddress"])


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
