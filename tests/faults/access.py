"""What the proxy did with each request, from its access log."""

import json
from dataclasses import dataclass
from datetime import datetime

from stack import Stack


@dataclass(frozen=True)
class Request:
    """One request: when it began (seconds since 1970), how long it took, and how it was answered.

    Attributes
    ----------
    retries
        How often it was tried again, which is when a replica did not answer it.
    address
        The replica that answered it in the end.
    """

    began: float
    seconds: float
    path: str
    status: int
    retries: int
    address: str


def read_requests(stack: Stack, since: float) -> list[Request]:
    """Give the requests for pages and websockets that began since a moment, in seconds since 1970."""
    requests = []
    for line in stack.logs("traefik").splitlines():
        record = json.loads(line) if line.startswith("{") else {}
        if not str(record.get("ServiceName", "")).startswith("bokeh"):
            continue
        began = datetime.fromisoformat(record["StartUTC"]).timestamp()
        if began >= since:
            requests.append(
                Request(
                    began=began,
                    seconds=record["Duration"] / 1e9,
                    path=record["RequestPath"],
                    status=record["DownstreamStatus"],
                    retries=record.get("RetryAttempts", 0),
                    address=record.get("ServiceAddr", ""),
                )
            )
    return requests


def time_routed_around(stack: Stack, since: float) -> float:
    """Give the seconds from a moment until the last page request that was first sent where none answered."""
    tried_again = [
        request.began - since
        for request in read_requests(stack, since)
        if request.retries and request.path == "/"
    ]
    return max(tried_again, default=0.0)
