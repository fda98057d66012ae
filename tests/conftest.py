"""The stacks that tests share: one for all that only look at it, and a fresh one for those that change it."""

from collections.abc import Iterator

import pytest

from probes import eventually
from stack import Stack, running


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Four replicas with both shipped studies published."""
    with running(Stack("longitude-test", replicas_wanted=4)) as started:
        names = sorted(folder.name for folder in started.studies.iterdir())
        eventually(lambda: all(started.published(name) for name in names), 120, "both studies published")
        yield started
