"""The proxy before the Docker API lets through what Traefik needs, by exact method and path, and no more."""

import json
import socket
from dataclasses import dataclass

import pytest

from engine_api import METHODS, NEEDED, PATHS, disguise, fill
from stack import Stack

PORT = 2375
TRIED_IN_DISGUISE = (
    "/containers/create",
    "/containers/{id}/exec",
    "/containers/{id}/attach",
    "/containers/{id}/attach/ws",
    "/containers/{id}/archive",
    "/containers/{id}/logs",
    "/exec/{id}/start",
    "/images/json",
    "/info",
    "/secrets",
)


@dataclass(frozen=True)
class Proxy:
    """The proxy as the only container in its network sees it, and a container of the engine's."""

    address: str
    container: str

    def ask(self, request: bytes) -> bytes:
        """Send bytes and give what comes back, until the end or 64 KiB."""
        with socket.create_connection((self.address, PORT), timeout=10) as connection:
            connection.sendall(request)
            parts = b""
            while len(parts) < 65_536 and (part := connection.recv(65_536)):
                parts += part
            return parts

    def status(self, method: str, path: str, *headers: str, body: bytes = b"") -> int:
        """Ask for a path as it stands, and give the status; 0 where there is no answer in HTTP."""
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        if not any(header.startswith("Connection:") for header in headers):
            lines.append("Connection: close")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        answer = self.ask("\r\n".join([*lines, "", ""]).encode() + body)
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


@pytest.fixture(scope="module")
def proxy(stack: Stack) -> Proxy:
    (container,) = stack.containers("socket-proxy")
    (network,) = container.attrs["NetworkSettings"]["Networks"].values()
    victim = stack.containers("traefik")[0].id
    assert victim
    return Proxy(network["IPAddress"], victim)


@pytest.mark.parametrize("prefix", ["", "/v1.24", "/v1.45"])
def test_what_traefik_needs_is_answered(proxy: Proxy, prefix: str) -> None:
    for path in NEEDED - {"/events"}:
        assert proxy.status("GET", prefix + fill(path, proxy.container)) == 200, path
    answer = proxy.ask(f"GET {prefix}/events?until=1 HTTP/1.0\r\n\r\n".encode())
    assert answer.split(b" ", 2)[1] == b"200"


def test_every_other_method_and_path_of_the_api_is_refused(proxy: Proxy) -> None:
    let_through = [
        (method, path, status)
        for path in PATHS
        for method in METHODS
        if not (path in NEEDED and method in {"GET", "HEAD"})
        and (status := proxy.status(method, fill(path, proxy.container))) not in {400, 403, 405}
    ]
    assert let_through == []
    assert len(PATHS) > 100


def test_no_way_of_writing_a_path_gets_it_past(proxy: Proxy) -> None:
    let_through = [
        (method, disguised, status)
        for path in TRIED_IN_DISGUISE
        for disguised in disguise(fill(path, proxy.container))
        for method in ("GET", "POST")
        if (status := proxy.status(method, disguised)) not in {400, 403, 405}
    ]
    assert let_through == []


@pytest.mark.parametrize(
    "name", ["traefik", "short", "json", "..", "{id}%2f..%2f..%2finfo", "{id}/../../info", "%7bid%7d"]
)
def test_a_container_is_named_by_its_whole_identifier_alone(proxy: Proxy, name: str) -> None:
    written = proxy.container[:12] if name == "short" else fill(name, proxy.container)
    assert proxy.status("GET", f"/containers/{written}/json") in {400, 403}


@pytest.mark.parametrize("protocol", ["websocket", "tcp", "h2c"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_connection_is_taken_over(proxy: Proxy, method: str, protocol: str) -> None:
    upgrade = (
        "Connection: Upgrade",
        f"Upgrade: {protocol}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    for path in ("/containers/{id}/attach/ws?stream=1&stdin=1", "/exec/{id}/start", "/session", "/grpc"):
        assert proxy.status(method, fill(path, proxy.container), *upgrade) in {403, 405}, path
    # In HTTP/1.0, so that the answer to an ordinary request ends the connection.
    answer = proxy.ask("\r\n".join([f"{method} /_ping HTTP/1.0", *upgrade, "", ""]).encode())
    assert answer.split(b" ", 2)[1] in {b"200", b"405"}


def test_a_method_named_in_a_header_and_a_request_behind_another_change_nothing(proxy: Proxy) -> None:
    body = json.dumps({"Image": "longitude/static:dev"}).encode()
    create = b"POST /containers/create HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    create += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    ping = b"GET /_ping HTTP/1.1\r\nHost: x\r\n"
    for request in (
        create.replace(b"POST /", b"GET /", 1).replace(b"Host: x", b"X-HTTP-Method-Override: POST"),
        ping + b"\r\n" + create,
        ping + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + create,
        ping + b"Content-Length: %d\r\nContent-Length: 0\r\n\r\n" % len(create) + create,
    ):
        answers = proxy.ask(request)
        assert answers, "no answer"
        assert b"201 Created" not in answers
