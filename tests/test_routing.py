"""Every visitor stays on one replica, and what is not a page is answered by who should."""

import collections

import pytest
import requests

from probes import Session, get, script_of, visit
from stack import Stack

VISITORS = 200
ENCODINGS = {"br": b"", "gzip": b"\x1f\x8b"}


def test_page_and_websocket_of_every_visitor_stay_on_one_replica(stack: Stack) -> None:
    pages: collections.Counter[str] = collections.Counter()
    strayed = []
    for _ in range(VISITORS):
        page = visit(stack)
        pages[page.replica] += 1
        with Session(page) as session:
            if session.replica != page.replica:
                strayed.append((page.replica, session.replica))
    assert strayed == []
    assert len(pages) >= 3, pages
    running = {container.short_id for container in stack.containers("bokeh")}
    assert set(pages) <= running, "the page names the container's short id"


def test_visitor_who_returns_finds_the_same_replica(stack: Stack) -> None:
    first = visit(stack)
    assert {visit(stack, cookies=first.cookies).replica for _ in range(10)} == {first.replica}


def test_cookie_is_secure_and_out_of_reach_of_scripts_and_other_sites(stack: Stack) -> None:
    cookie = get(stack).headers["Set-Cookie"].lower()
    assert cookie.startswith("longitude=")
    assert {"httponly", "secure", "samesite=lax"} <= {part.strip() for part in cookie.split(";")}


@pytest.mark.parametrize("path", ["/", "/?study=cigarette-sales&unit=CA"])
def test_http_is_redirected_to_the_port_https_is_published_on(stack: Stack, path: str) -> None:
    answer = requests.get(f"http://localhost:{stack.http_port}{path}", allow_redirects=False, timeout=10)
    assert answer.status_code in {301, 302, 307, 308}
    assert answer.headers["Location"] == stack.url + path


def test_every_asset_of_the_page_is_served_precompressed_and_cacheable_without_a_replica(
    stack: Stack,
) -> None:
    html = visit(stack).html
    assets = [part.split('"')[0] for part in html.split('="static/')[1:]]
    assert any("bokeh.min.js" in path for path in assets)
    for path in assets:
        plain = get(stack, f"/static/{path}", headers={"Accept-Encoding": "identity"})
        assert plain.status_code == 200
        assert "immutable" in plain.headers["Cache-Control"]
        assert "Set-Cookie" not in plain.headers, "no replica is involved"
        for encoding in ENCODINGS:
            packed = get(stack, f"/static/{path}", headers={"Accept-Encoding": encoding}, stream=True)
            assert packed.headers["Content-Encoding"] == encoding
            assert len(packed.raw.read(decode_content=False)) < len(plain.content)


def test_file_is_kept_for_good_only_under_the_version_that_it_has(stack: Stack) -> None:
    url = script_of(visit(stack).html)
    path = url.partition("?")[0]
    right = get(stack, url)
    assert right.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for asked in (path, f"{path}?v=", f"{path}?v=0123456789abcdef", f"{url}0"):
        other = get(stack, asked)
        assert other.headers["Cache-Control"] == "no-cache", asked
        assert other.content == right.content, "it is the file that is there"


def test_page_is_compressed_and_never_cached(stack: Stack) -> None:
    answer = get(stack, headers={"Accept-Encoding": "br,gzip"})
    assert answer.headers["Content-Encoding"] == "br"
    assert answer.headers["Cache-Control"] == "no-store"


def test_every_page_forbids_scripts_that_are_not_files_of_ours(stack: Stack) -> None:
    policy = dict(
        part.strip().partition(" ")[::2] for part in get(stack).headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    html = visit(stack).html
    assert html.count("<script") == html.count("<script defer src=") + html.count(
        '<script type="application/json"'
    )


def test_health_of_the_replicas_is_not_published(stack: Stack) -> None:
    for path in ("/ready", "/live"):
        assert get(stack, path).status_code == 404


def test_only_traefik_publishes_ports(stack: Stack) -> None:
    for service in ("bokeh", "static", "model-worker", "socket-proxy"):
        for container in stack.containers(service):
            assert not any((container.attrs["NetworkSettings"]["Ports"] or {}).values()), container.name
