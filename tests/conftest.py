"""The stacks that tests share: one for all that only look at it, and a fresh one for those that change it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from browser import Complaints, chromium
from guarded import PLACES
from probes import PATIENCE, await_dashboards
from stack import Stack, running


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults", choices=("short", "full"), default="short", help="how much of tests/faults is done"
    )
    parser.addoption("--anew", action="store_true", help="drop what earlier runs have measured but the soak")
    parser.addoption("--sessions", type=int, help="live sessions while faults last, instead of the form's")
    parser.addoption("--loads", type=float, help="page loads a second meanwhile")
    parser.addoption("--minutes", type=float, default=60, help="how long the soak lasts")


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Four replicas with both shipped studies published."""
    with running(Stack("longitude-test", replicas_wanted=4)) as started:
        await_dashboards(started)
        yield started


@pytest.fixture(scope="session")
def guarded() -> Iterator[Stack]:
    """Two replicas of few sessions, whose edge tests lay out anew; nothing need be published in it."""
    small = {"SESSIONS_MAX": str(PLACES), "UNUSED_SESSION_SECONDS": "45"}
    with running(Stack("longitude-test-guarded", replicas_wanted=2, variables=small)) as started:
        yield started


@pytest.fixture(scope="module")
def browser(stack: Stack) -> Iterator[Browser]:
    """A Chromium that trusts the stack's CA. While it is there, no other event loop runs in this thread."""
    with chromium(stack.ca) as started:
        yield started


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A page of a desktop's width, about which the console has nothing to say when it is closed."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(10_000 * PATIENCE)
    opened, complaints = context.new_page(), Complaints()
    complaints.watch(opened)
    yield opened
    context.close()
    assert complaints.lines == []
