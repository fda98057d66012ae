"""The stacks that tests share: one for all that only look at it, and a fresh one for those that change it."""

from collections.abc import Iterator

import pytest

from guarded import PLACES
from probes import await_dashboards
from stack import Stack, running


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--faults", choices=("short", "full"), default="short", help="how much of tests/faults is done"
    )
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
