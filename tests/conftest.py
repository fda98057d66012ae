"""The stacks that tests share: one for all that only look at it, and a fresh one for those that change it."""

from collections.abc import Iterator

import pytest

from guarded import PLACES
from probes import data_block, eventually, visit
from stack import Stack, running


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


def await_dashboards(stack: Stack) -> None:
    """Wait until every replica shows the dashboard of every study."""
    names = sorted(folder.name for folder in stack.studies.iterdir())
    eventually(lambda: all(stack.published(name) for name in names), 120, "all studies published")

    def every_replica_shows_them() -> bool:
        seen = [visit(stack, f"study={name}") for name in names for _ in range(4 * stack.replicas_wanted)]
        shown = {page.replica for page in seen if data_block(page.html, "words")["view"] == "dashboard"}
        waiting = {page.replica for page in seen} - shown
        return len(shown) == stack.replicas_wanted and not waiting

    eventually(every_replica_shows_them, 20, "every replica shows every study")
