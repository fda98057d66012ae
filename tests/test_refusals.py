"""Requests of other sites, and tokens not signed here, are refused, and the next visitor notices nothing."""

import base64
import json
import ssl
import time
import zlib

import pytest
import requests
import websocket

from probes import Session, Visit, get, visit
from stack import Stack


def handshake_status(page: Visit, **options: object) -> int:
    """Try to open a session and give the HTTP status it was refused with."""
    with pytest.raises(websocket.WebSocketBadStatusException) as refusal, Session(page, **options):  # type: ignore[arg-type]
        pass
    return int(refusal.value.status_code)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://localhost", "https://localhost:1", "https://localhost", ""],
    ids=lambda origin: origin or "none",
)
def test_websocket_from_another_origin_is_refused(stack: Stack, origin: str) -> None:
    assert handshake_status(visit(stack), origin=origin) == 403


def forge(token: str, **changes: object) -> str:
    """Change the payload of a token, leaving its signature as it was."""
    payload, _, signature = token.partition(".")
    content = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    forged = base64.urlsafe_b64encode(json.dumps(content | changes).encode()).decode().rstrip("=")
    return f"{forged}.{signature}"


def test_forged_tokens_are_refused_before_the_upgrade(stack: Stack) -> None:
    page = visit(stack)
    bomb = base64.urlsafe_b64encode(zlib.compress(b"0" * 10_000_000)).decode().rstrip("=")
    forged = {
        "unsigned": page.token.partition(".")[0],
        "garbage": "garbage",
        "other payload": forge(page.token, session_id="mine"),
        "later expiry": forge(page.token, session_expiry=int(time.time()) + 10**9),
        "other signature": page.token[:-6] + "AAAAAA",
        "bomb": f"{bomb}.{page.token.partition('.')[2]}",
    }
    assert {name: handshake_status(page, token=token) for name, token in forged.items()} == dict.fromkeys(
        forged, 403
    )
    with Session(page) as session:
        assert session.words["view"] == "dashboard", "the true token still opens its session"


@pytest.mark.parametrize("query", ["bokeh-token=garbage", "bokeh-session-id=mine"])
def test_session_cannot_be_chosen_in_the_address(stack: Stack, query: str) -> None:
    assert get(stack, f"/?{query}").status_code == 403


def test_foreign_host_reaches_no_page(stack: Stack) -> None:
    assert get(stack, headers={"Host": "evil.example"}).status_code == 404


def test_old_tls_is_refused(stack: Stack) -> None:
    context = ssl.create_default_context(cafile=str(stack.ca))
    # Below this level the client itself would refuse, and the server would not be asked.
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    adapter = requests.adapters.HTTPAdapter()
    adapter.init_poolmanager(1, 1, ssl_context=context)
    session = requests.Session()
    session.mount("https://", adapter)
    with pytest.raises(requests.exceptions.SSLError, match="alert protocol version"):
        session.get(stack.url, timeout=10)


@pytest.mark.parametrize(
    "path", ["/..%2f..%2fetc/passwd", "/static/..%2fapp/main.py", "/static/%00", "/a%5cb"]
)
def test_path_that_servers_could_read_differently_is_refused(stack: Stack, path: str) -> None:
    assert get(stack, path).status_code == 400
