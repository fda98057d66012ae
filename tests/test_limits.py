"""Clients over a limit receive 429 in words, and others notice nothing."""

import contextlib
import re
import time
from collections.abc import Iterator, Mapping

import pytest
import requests
import websocket
from playwright.sync_api import expect

from browser import chromium, violations_of, watch_policy
from guarded import DEFAULT_LIMITS, PLACES, ask, echo, laid_out
from probes import Session, Visit, eventually, get, visit
from stack import Stack

LOOP_SECONDS = 5
OFFICE = 100
"""Pages of one address, whose replica ends."""
TRIES = 3
"""Requests of such a page in its first three seconds: BokehJS after 0 and 2 s, page.js once in between."""


def hold_all(stack: Stack, held: contextlib.ExitStack) -> list[Session]:
    """Open sessions, and keep them, until all places are theirs; what others left behind gives way."""

    def hold() -> Session:
        return held.enter_context(Session(visit(stack)))

    return [eventually(hold, 60, "a place") for _ in range(2 * PLACES)]


def test_visitor_of_a_full_replica_is_sent_to_another(guarded: Stack) -> None:
    reader = requests.Session()
    reader.verify, reader.trust_env = str(guarded.ca), False
    mine = None
    for _ in range(PLACES + 1):
        # The cookie holds them on one replica, until that one is full.
        answer = reader.get(f"{guarded.url}/?unit=CA", timeout=20)
        assert answer.status_code == 200
        if answer.history:
            break
        mine = mine or answer.headers["X-Longitude-Replica"]
        assert answer.headers["X-Longitude-Replica"] == mine
    assert [past.status_code for past in answer.history] == [307]
    assert answer.url == f"{guarded.url}/?unit=CA"
    assert answer.headers["X-Longitude-Replica"] != mine


def test_replica_that_is_full_of_pages_nobody_opens_does_not_keep_visitors_away(guarded: Stack) -> None:
    with Session(eventually(lambda: visit(guarded), 60, "a place")) as session:

        def visit_other() -> Visit:
            page = visit(guarded)
            assert page.replica != session.replica
            return page

        def fill() -> bool:
            answers = [ask(guarded, "/", cookies=page.cookies).status_code for _ in range(2 * PLACES)]
            assert answers[-1] == 307, "it is full"
            return ask(guarded, "/").status_code == 503

        page = eventually(visit_other, 60, "a page of the one without a websocket")
        # What others left there gives way one by one meanwhile.
        eventually(fill, 20, "the proxy finds the one with fewer websockets, which is full")
        eventually(
            lambda: ask(guarded, "/").status_code == 200, 20, "a place, long before sessions end unused"
        )


def test_full_replicas_answer_a_page_that_tries_again_and_keep_those_they_have(guarded: Stack) -> None:
    with contextlib.ExitStack() as held:
        kept = hold_all(guarded, held)
        began = time.monotonic()
        answer = ask(guarded, "/?unit=CA")
        took = time.monotonic() - began
        assert answer.status_code == 503
        assert took < 3, "the proxy does not wait for a place"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers, "the next try is free to go to any replica"
        assert "tries again every ten seconds" in answer.text
        assert 'http-equiv="refresh"' in answer.text
        assert "script" not in answer.headers["Content-Security-Policy"]
        assert ask(guarded, "/studies").status_code == 200, "what needs no session is served"
        with chromium(guarded.ca) as browser:
            tab = browser.new_page()
            watch_policy(tab)
            tab.goto(guarded.url)
            expect(tab.get_by_role("heading", name="All places are taken")).to_be_visible()
            assert violations_of(tab) == []
        for session in kept:
            assert session.connection.connected
            session.connection.ping()
    eventually(lambda: ask(guarded, "/").status_code == 200, 60, "a place is free again")


def assert_it_tries_again(headers: Mapping[str, str], text: str) -> None:
    """Make sure of an answer that asks for too much that it is the page which tries again by itself."""
    assert int(headers["Retry-After"]) > 0
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "script" not in headers["Content-Security-Policy"]
    assert "tries again every ten seconds" in text
    assert 'http-equiv="refresh"' in text


@pytest.mark.parametrize(("path", "limit"), [("/", "PAGES"), ("/studies", "RATE")])
def test_address_that_asks_too_often_is_told_to_wait_and_its_pages_stay(
    guarded: Stack, path: str, limit: str
) -> None:
    with (
        Session(eventually(lambda: visit(guarded), 60, "a page")) as session,
        laid_out(guarded, **{f"{limit}_AVERAGE": "2", f"{limit}_BURST": "5"}),
    ):

        def refused() -> bool:
            return any(ask(guarded, path).status_code == 429 for _ in range(20))

        eventually(refused, 10, "too many requests")
        answers = [ask(guarded, path) for _ in range(10)]
        (told, *_) = [answer for answer in answers if answer.status_code == 429]
        assert_it_tries_again(told.headers, told.text)
        assert ask(guarded, "/static/longitude/favicon.svg").status_code == 200, "files are not counted"
        session.connection.ping()
        assert session.connection.connected


@contextlib.contextmanager
def default_limits(stack: Stack) -> Iterator[str]:
    """Lay out the limits of the product; once they hold, yield the path of a page that costs nothing."""
    with laid_out(stack, **DEFAULT_LIMITS), echo(stack) as page:
        eventually(lambda: ask(stack, page).status_code == 200, 10, "the page is routed")
        eventually(
            lambda: [ask(stack, page).status_code for _ in range(40)][-1] == 429, 10, "the limits hold"
        )
        yield page


def test_defaults_hold_back_a_loop_of_pages(guarded: Stack) -> None:
    with default_limits(guarded) as page:
        # Without a pause, after which Traefik would have forgotten this address.
        told, began = [], time.monotonic()
        while (took := time.monotonic() - began) < LOOP_SECONDS:
            told.append(ask(guarded, page).status_code)
        assert ask(guarded, "/studies").status_code == 200, "tables and lists are counted by themselves"
    assert set(told) == {200, 429}
    assert told.count(200) <= int(DEFAULT_LIMITS["PAGES_AVERAGE"]) * (took + 1)


def test_defaults_let_all_pages_of_an_office_come_back_at_once(guarded: Stack) -> None:
    with default_limits(guarded):
        # No page's token, so no replica opens one; the proxy counts it as a websocket nevertheless.
        told = {ask(guarded, "/ws").status_code for _ in range(TRIES * OFFICE)}
    assert 429 not in told


@pytest.mark.parametrize(
    ("name", "form"),
    [("X-Forwarded-For", "{}"), ("X-Real-Ip", "{}"), ("Forwarded", "for={}"), ("True-Client-Ip", "{}")],
)
def test_address_that_a_client_invents_is_not_believed(guarded: Stack, name: str, form: str) -> None:
    with laid_out(guarded, RATE_AVERAGE="2", RATE_BURST="5"):

        def refused() -> bool:
            invented = ({name: form.format(f"192.0.2.{number}")} for number in range(40))
            told = [ask(guarded, "/studies", headers=headers).status_code for headers in invented]
            return told.count(429) > len(told) / 2

        eventually(refused, 10, "too many requests of one address")


def test_address_with_too_much_open_is_told_so(guarded: Stack) -> None:
    page = eventually(lambda: visit(guarded), 60, "a page")
    with laid_out(guarded, OPEN_MAX="2"), contextlib.ExitStack() as held:

        def opened_all() -> bool:
            try:
                held.enter_context(Session(page))
            except websocket.WebSocketBadStatusException as refused:
                return refused.status_code == 429
            return False

        eventually(opened_all, 10, "a websocket too many")
        assert ask(guarded, "/studies").status_code == 200, "websockets are counted by themselves"


@pytest.mark.parametrize("size", [65_536, 21_000])
def test_headers_of_more_than_any_of_ours_are_refused_by_the_proxy(stack: Stack, size: int) -> None:
    answer = get(stack, headers={"Cookie": f"a={'x' * size}"})
    assert answer.status_code == 431
    assert "xxx" not in answer.text
    assert "X-Longitude-Replica" not in answer.headers


@pytest.mark.parametrize(
    ("method", "size"),
    [("POST", 0), ("POST", 100), ("POST", 1_000_000), ("GET", 100), ("PUT", 10), ("DELETE", 0), ("TRACE", 0)],
)
def test_body_or_another_method_reaches_no_replica(stack: Stack, method: str, size: int) -> None:
    answer = requests.request(method, stack.url, data=b"x" * size, verify=str(stack.ca), timeout=20)
    assert answer.status_code in {405, 413}
    assert "X-Longitude-Replica" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_open_websockets_cost_the_proxy_little_memory(stack: Stack) -> None:
    (proxy,) = stack.containers("traefik")

    def resident() -> int:
        done = proxy.exec_run(["sh", "-c", "cat /proc/[0-9]*/status"])
        return 1024 * sum(int(size) for size in re.findall(rb"VmRSS:\s+(\d+) kB", done.output))

    before = resident()
    with contextlib.ExitStack() as held:
        for _ in range(24):
            held.enter_context(Session(visit(stack)))
        # What is not of the websockets it collects when its memory has doubled, or after two minutes.
        eventually(lambda: resident() - before < 36 * 1_048_576, 180, "the proxy is as small as that")
