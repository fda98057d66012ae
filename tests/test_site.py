"""Only this site's own hosts are answered, however they are named, and every answer carries its headers."""

import socket
import ssl

import pytest
import requests
import websocket

from probes import get, visit
from stack import Stack

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def say(stack: Stack, text: str) -> str:
    """Send a request as it is written and give what comes back."""
    context = ssl.create_default_context(cafile=str(stack.ca))
    with (
        socket.create_connection(("localhost", stack.https_port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        connection.sendall(text.replace("\n", "\r\n").encode())
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
        return b"".join(parts).decode(errors="replace")


@pytest.mark.parametrize(
    "request_line",
    [
        "GET / HTTP/1.1\nHost: evil.example",
        "GET https://evil.example/ HTTP/1.1\nHost: localhost",
        "GET https://evil.example:443/studies HTTP/1.1\nHost: evil.example",
        "GET //evil.example/studies HTTP/1.1\nHost: evil.example",
        "GET / HTTP/1.1\nHost: localhost.evil.example",
        "GET / HTTP/1.1\nHost: localhost@evil.example",
        "GET / HTTP/1.1\nHost: evil.example\nHost: localhost",
        "GET / HTTP/1.1\nHost:",
        "GET / HTTP/1.0\nAccept: */*",
    ],
)
def test_request_for_another_host_reaches_no_replica_and_is_not_repeated(
    stack: Stack, request_line: str
) -> None:
    answer = say(stack, f"{request_line}\nConnection: close\n\n")
    assert answer.split()[1] in {"400", "404"}
    assert "evil" not in answer
    assert "X-Longitude-Replica" not in answer


def test_foreign_names_in_forwarded_headers_change_nothing(stack: Stack) -> None:
    spoofed = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "host=evil.example",
        "X-Original-URL": "/evil",
    }
    answer = get(stack, headers=spoofed)
    assert answer.status_code == 200
    assert "evil" not in answer.text + str(answer.headers)


def test_websocket_for_another_host_is_refused(stack: Stack) -> None:
    page = visit(stack)
    for host in ("evil.example", f"evil.example:{stack.https_port}"):
        with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
            websocket.create_connection(
                f"wss://localhost:{stack.https_port}/ws",
                host=host,
                origin=stack.url,
                subprotocols=["bokeh", page.token],
                sslopt={"ca_certs": str(stack.ca)},
                timeout=20,
            )
        assert refusal.value.status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/studies", 200),
        ("/nothing", 404),
        ("/?bokeh-token=x", 403),
        ("/ws", 404),
        ("/data/none.csv", 404),
        ("/download/a/000000000000/trace.nc", 404),
        ("/static/longitude/favicon.svg", 200),
        ("/static/none", 404),
        ("/favicon.ico", 204),
    ],
)
def test_every_answer_carries_the_headers(stack: Stack, path: str, status: int) -> None:
    answer = get(stack, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "Server" not in answer.headers
    assert "Strict-Transport-Security" not in answer.headers, "not on localhost"
    if answer.content:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_redirect_carries_the_headers_and_leads_nowhere_else(stack: Stack) -> None:
    http = f"http://localhost:{stack.http_port}/studies"
    answer = requests.get(http, allow_redirects=False, timeout=20)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    foreign = requests.get(http, headers={"Host": "evil.example"}, allow_redirects=False, timeout=20)
    assert foreign.status_code == 404
    assert "Location" not in foreign.headers


def test_foreign_host_is_answered_with_the_headers_too(stack: Stack) -> None:
    answer = get(stack, headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
