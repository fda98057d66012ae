"""The process around the page: health, what it refuses, what it logs."""

import asyncio
import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id
from starlette.requests import HTTPConnection
from synthetic import publish, tell
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClientConnection, websocket_connect
from visits import Visit, make_token, read_block

from conftest import SERVICE, Service, eventually, free_port
from dashboard.assets import Assets
from dashboard.http.socket import is_own_origin
from dashboard.operations.health import BUSY_SECONDS, STALLED_SECONDS, Health, keep_asking_threads
from dashboard.operations.probes import ProbeServer
from dashboard.state import QUERY_MAX

SECRET = b"s" * 44


BROKEN = """
from dashboard.page import Page

def attach(page, document):
    raise RuntimeError("broken on purpose")

Page.attach = attach
"""


def connect(service: Service, token: str, **headers: str) -> WebSocketClientConnection:
    async def open_socket() -> WebSocketClientConnection:
        return await websocket_connect(service.ask_socket(**headers), subprotocols=["bokeh", token])

    return asyncio.run(open_socket())


def test_an_empty_volume_is_ready_because_its_page_builds(service: Service) -> None:
    service.start()
    eventually(service.ready)
    assert "The worker is starting" in service.ask()[1]


def test_health_answers_on_its_own_port_and_only_there(shared: Service) -> None:
    status, said = shared.ask("/live", shared.health_port)
    assert (status, json.loads(said)) == (
        200,
        {"live": True, "reason": "the event loop turns", "sessions": ANY},
    )
    assert shared.ask("/ready")[0] == 404
    assert shared.ask("/", shared.health_port)[0] == 404


def test_metrics_tell_sessions_times_and_the_version_served(service: Service) -> None:
    publish(service.root)
    service.start()
    eventually(service.ready)
    visit = Visit(service)
    visit.wish(unit="NY")
    visit.wait_for(lambda words: "unit=NY" in words["query"])
    status, text = service.ask("/metrics", service.health_port)
    assert status == 200
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    version = visit.words["version"]
    visit.close()
    assert told["longitude_versions_held"] == "1.0"
    assert 0 < float(told["longitude_versions_bytes"]) < float(told["longitude_versions_bytes_max"])
    assert told["longitude_sessions_open"] == told["longitude_websockets_open"] == "1.0"
    assert told["longitude_sessions_created_total"] == told["longitude_document_seconds_count"] == "1.0"
    assert told["longitude_reconnects_restored_total"] == "0.0"
    assert told["longitude_ready"] == "1.0"
    assert float(told["longitude_change_seconds_count"]) >= 1
    assert float(told["longitude_loop_lag_seconds_count"]) >= 1
    assert float(told[f'longitude_version_age_seconds{{study="smoking",version="{version}"}}']) > 0
    assert told['longitude_study_trouble{study="smoking"}'] == "0.0"
    again = Visit(service, f"study=smoking&unit=NY&version={version}", token=make_token(SECRET))
    again.close()
    assert "longitude_reconnects_restored_total 1.0" in service.ask("/metrics", service.health_port)[1]


def test_health_counts_the_sessions_there_are(service: Service) -> None:
    publish(service.root)
    service.start(UNUSED_SESSION_SECONDS="1")
    eventually(service.ready)

    def count() -> int:
        return int(json.loads(service.ask("/live", service.health_port)[1])["sessions"])

    assert count() == 0
    visits = [Visit(service), Visit(service)]
    assert count() == 2
    for visit in visits:
        visit.close()
    eventually(lambda: count() == 0)


def test_a_stalled_loop_is_neither_live_nor_ready() -> None:
    health = Health(build_fault=None)
    assert (health.check_live()[0], health.check_ready()[0]) == (False, False)
    health.beat()
    assert (health.check_live()[0], health.check_ready()[0]) == (True, True)
    health.last_beat = time.monotonic() - STALLED_SECONDS - 1
    assert (health.check_live()[0], health.check_ready()[0]) == (False, False)


def test_a_failed_build_and_a_drain_are_live_but_not_ready() -> None:
    health = Health()
    health.beat()
    assert (health.check_live()[0], health.check_ready()[0]) == (True, False)
    health.build_fault, health.draining = None, True
    assert (health.check_live()[0], health.check_ready()[0]) == (True, False)


def test_a_process_whose_worker_threads_are_all_held_is_live_but_not_ready_until_one_is_free() -> None:
    health, held, release = Health(build_fault=None), threading.Barrier(3), threading.Event()

    def hold() -> None:
        held.wait(30)
        release.wait(30)

    async def hold_all() -> None:
        loop = asyncio.get_running_loop()
        threads = ThreadPoolExecutor(2)
        loop.set_default_executor(threads)
        asking = asyncio.create_task(keep_asking_threads(health))
        while health.thread_free is None:
            await asyncio.sleep(0.01)
        waiting = [loop.run_in_executor(threads, hold) for _ in range(2)]
        held.wait(30)
        health.beat()
        assert health.check_ready()[0]
        health.thread_free -= BUSY_SECONDS
        assert (health.check_live()[0], health.check_ready()[0]) == (True, False)
        assert "no worker thread" in health.check_ready()[1]
        release.set()
        await asyncio.gather(*waiting)
        while not health.check_ready()[0]:
            await asyncio.sleep(0.01)
            health.beat()
        asking.cancel()

    asyncio.run(asyncio.wait_for(hold_all(), 30))


def test_health_is_answered_while_another_loop_is_blocked(service: Service) -> None:
    health, port = Health(build_fault=None), free_port()
    server = ProbeServer(health, port, lambda: 0, lambda: b"")
    server.start()
    try:

        async def block() -> None:
            health.beat()
            assert service.ask("/live", port)[0] == 200
            health.last_beat = time.monotonic() - STALLED_SECONDS - 1
            assert service.ask("/live", port)[0] == 503

        asyncio.run(block())
    finally:
        server.stop()


@pytest.mark.parametrize(
    "path", ["/", "/studies", "/data/effect-unit.csv?study=smoking", "/data/units.json?study=smoking"]
)
def test_head_is_answered_as_get_is_without_the_body(shared: Service, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=20)
    connection.request("HEAD", path)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    connection.close()


def test_nothing_at_warning_or_above_in_a_clean_start_fit_visit_and_stop(service: Service) -> None:
    service.start(LOG_LEVEL="debug")
    eventually(service.ready)
    visit = Visit(service)
    tell(service.root, "sampling", draws_done=1, draws_total=2)
    visit.wait_for(lambda words: words["progress"] == "50")
    publish(service.root)
    visit.wait_for(lambda words: words["view"] == "dashboard")
    visit.slide(20)
    visit.wait_for(lambda words: words["query"].endswith("change=20"))
    visit.close()
    Visit(service).close()
    assert service.stop() == 0
    lines = service.read_log().splitlines()
    events = [json.loads(line) for line in lines]
    assert {event["level"] for event in events} <= {"debug", "trace", "info"}, lines
    assert not any("/ready" in line or "/live" in line for line in lines)
    assert {event["replica"] for event in events} == {"replica-under-test"}
    known = [event for event in events if event.get("study") == "smoking" and "version" in event]
    assert known
    assert all(len(event["session"]) == 8 for event in known)
    assert {"status": 200, "method": "GET", "path": "/"}.items() <= next(
        event for event in events if event.get("path") == "/"
    ).items()


@pytest.mark.parametrize(
    "path",
    [
        "/?bokeh-token=garbage",
        "/?bokeh-token=%ff",
        "/?bokeh-session-id=x",
        "/?bokeh-token=a&bokeh-session-id=b",
        "/?" + "a=1&" * 300,
        "/?unit=" + "x" * QUERY_MAX,
        "/?change=nan&unit=%00&study=%ff&version=../..",
        "/?%",
        "//",
        "/autoload.js",
        "/metadata",
        "/static/../../etc/passwd",
        "/static/longitude/../app/theme.yaml",
        "/nothing",
    ],
)
def test_no_request_is_answered_with_a_server_error(shared: Service, path: str) -> None:
    status, body = shared.ask(path)
    assert status < 500
    assert "Traceback" not in body
    assert "500 GET" not in shared.read_log()


def test_a_session_id_in_a_header_is_refused(shared: Service) -> None:
    assert shared.ask("/", Bokeh_Session_Id="x")[0] == 403


@pytest.mark.parametrize(
    "token",
    [
        "garbage",
        make_token(b"z" * 44),
        make_token(SECRET, expiration=-1),
        make_token(SECRET)[:-2],
        generate_jwt_token(generate_session_id()),
    ],  # type: ignore[arg-type]
    ids=["garbage", "another key", "expired", "cut short", "unsigned"],
)
def test_a_websocket_with_a_bad_token_is_refused_before_it_opens(shared: Service, token: str) -> None:
    with pytest.raises(HTTPClientError) as caught:
        connect(shared, token)
    assert caught.value.code == 403
    assert "Traceback" not in shared.read_log()


@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://localhost:1", "", "http://["])
def test_a_websocket_from_another_origin_is_refused(shared: Service, origin: str) -> None:
    with pytest.raises(HTTPClientError) as caught:
        connect(shared, make_token(SECRET), Origin=origin)
    assert caught.value.code == 403


def test_a_websocket_without_an_origin_is_refused_whatever_else_speaks_for_it(shared: Service) -> None:
    request = shared.ask_socket(Sec_Fetch_Site="same-origin")
    del request.headers["Origin"]

    async def open_socket() -> None:
        await websocket_connect(request, subprotocols=["bokeh", make_token(SECRET)])

    with pytest.raises(HTTPClientError) as caught:
        asyncio.run(open_socket())
    assert caught.value.code == 403


@pytest.mark.parametrize(
    ("scheme", "forwarded", "own"),
    [("https", "wss", True), ("http", "wss", False), ("http", "ws", True), ("https", "ws", False)],
)
def test_an_origin_is_own_only_with_the_scheme_that_the_browser_used(
    scheme: str, forwarded: str, own: bool
) -> None:
    origin = (b"origin", f"{scheme}://Panel.example.org".encode())
    scope: dict[str, Any] = {"type": "websocket", "scheme": forwarded, "headers": [origin]}
    assert is_own_origin(HTTPConnection(scope), ["panel.example.org"]) is own
    scope["headers"] = [origin, origin]
    assert not is_own_origin(HTTPConnection(scope), ["panel.example.org"]), "two origins are none"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/studies", 200),
        ("/nothing", 404),
        ("/?bokeh-token=x", 403),
        ("/ws", 404),
        ("/data/none.csv", 404),
        ("/download/a/b/trace.nc", 404),
    ],
)
def test_every_answer_carries_the_policy_and_says_nothing_of_what_was_asked(
    shared: Service, path: str, status: int
) -> None:
    answer = shared.look(f"{path}{'&' if '?' in path else '?'}reflected=%3Cb%3E")
    assert answer.status == status
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Longitude-Replica"] == "replica-under-test"
    assert b"<b>" not in answer.read()


def test_a_file_is_kept_for_good_only_under_the_url_that_names_its_content(shared: Service) -> None:
    url = "/" + Assets.find(SERVICE).urls["longitude/page.js"]
    path = url.partition("?")[0]
    kept = {
        asked: shared.look(asked).headers["Cache-Control"]
        for asked in (url, path, f"{path}?v=", f"{path}?v=0123456789abcdef", f"{url}0")
    }
    assert kept.pop(url) == "public, max-age=31536000, immutable"
    assert set(kept.values()) == {"no-cache"}


def test_a_method_that_no_address_has_is_refused_before_its_body_is_read(shared: Service) -> None:
    connection = http.client.HTTPConnection("localhost", shared.port, timeout=10)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(50_000_000))
    connection.endheaders()
    assert connection.getresponse().status == 405


def test_a_token_carries_no_cookie_and_no_header(shared: Service) -> None:
    from bokeh.util.token import get_token_payload

    _, page = shared.ask("/?study=smoking&unit=CA", Cookie="secret=1", Authorization="Basic c2VjcmV0")
    payload = get_token_payload(read_block(page, "render-item")["token"])
    assert {key: payload[key] for key in ("headers", "cookies", "arguments")} == {
        "headers": {},
        "cookies": {},
        "arguments": {},
    }


def test_an_application_that_fails_gives_an_error_page_and_is_not_ready(
    service: Service, tmp_path: Path
) -> None:
    # Python imports a module of this name before anything else.
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    service.start(PYTHONPATH=f"{tmp_path}:{service.pythonpath}")
    eventually(lambda: service.ask("/live", service.health_port)[0] == 200)
    status, page = eventually(lambda: service.ask())
    assert status == 500
    assert "This page could not be built" in page
    assert "<script" not in page
    reason = "no page can be built: RuntimeError: broken on purpose"
    eventually(lambda: reason in service.ask("/ready", service.health_port)[1])
    assert not service.ready()


def test_a_bad_setting_ends_the_start_with_a_sentence(service: Service) -> None:
    service.start(PORT="none")
    assert service.process.wait(20) == 2
    assert service.read_log() == "PORT=none: expected a port number, 1 to 65535, for pages and websockets.\n"
