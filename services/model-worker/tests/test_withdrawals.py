"""Withdrawals follow the folders; what was withdrawn by hand, or is not known, is left alone."""

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from model_worker.service.withdrawals import GONE_SECONDS, REMOVAL_SECONDS, Withdrawals
from model_worker.settings import Settings
from tracestore.manifest import WITHDRAWN_FILE, utc_now
from tracestore.publisher import Publisher
from tracestore.store import TraceStore


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def publisher(settings: Settings) -> Publisher:
    for name in ("alpha", "beta"):
        (settings.traces_dir / name).mkdir(parents=True)
    return Publisher(settings.traces_dir, timedelta(0))


@pytest.fixture
def withdrawals(settings: Settings, store: TraceStore, publisher: Publisher, clock: Clock) -> Withdrawals:
    return Withdrawals(settings, store, publisher, clock)


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Callable[[float], None]:
    """Advance the clock, and the time that the store takes from the system."""
    past = timedelta(0)

    def later(seconds: float) -> None:
        nonlocal past
        clock.now += seconds
        past += timedelta(seconds=seconds)
        moment = utc_now() + past
        monkeypatch.setattr("tracestore.publisher.utc_now", lambda: moment)

    return later


def test_a_study_is_withdrawn_once_its_folder_is_gone_for_long_enough(
    withdrawals: Withdrawals, store: TraceStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    withdrawals.follow(["beta"])
    assert store.withdrawal("alpha") is None
    clock.now = GONE_SECONDS
    with caplog.at_level(logging.INFO):
        withdrawals.follow(["beta"])
        withdrawals.follow(["beta"])
    found = store.withdrawal("alpha")
    assert found is not None
    assert found.reason == "folder"
    assert store.withdrawal("beta") is None
    [line] = caplog.messages
    assert line.startswith("withdrawn, because ")
    assert "alpha is not there any more; with the folder back within 7 days" in line


def test_a_folder_that_is_replaced_withdraws_nothing(
    withdrawals: Withdrawals, store: TraceStore, clock: Clock
) -> None:
    for _ in range(3):
        withdrawals.follow(["beta"])
        clock.now += GONE_SECONDS / 2
        withdrawals.follow(["alpha", "beta"])
        clock.now += GONE_SECONDS
    assert store.withdrawal("alpha") is None


def test_without_any_folder_all_are_withdrawn_and_all_come_back(
    withdrawals: Withdrawals, store: TraceStore, clock: Clock
) -> None:
    withdrawals.follow([])
    clock.now = GONE_SECONDS
    assert withdrawals.follow([]) == set()
    assert withdrawals.follow([]) == {"alpha", "beta"}
    withdrawals.follow(["alpha", "beta", "another"])
    assert [store.withdrawal(name) for name in ("alpha", "beta")] == [None, None]


def test_what_was_withdrawn_by_hand_stays_so_with_its_folder(
    withdrawals: Withdrawals, store: TraceStore, publisher: Publisher, clock: Clock
) -> None:
    publisher.withdraw("alpha", "command")
    for _ in range(3):
        withdrawals.follow(["alpha", "beta"])
        clock.now += GONE_SECONDS
    found = store.withdrawal("alpha")
    assert found is not None
    assert found.reason == "command"


def test_a_withdrawn_study_is_removed_after_the_retention_time_where_nothing_else_happens(
    withdrawals: Withdrawals, store: TraceStore, settings: Settings, pass_time: Callable[[float], None]
) -> None:
    withdrawals.follow(["beta"])
    pass_time(GONE_SECONDS)
    withdrawals.follow(["beta"])
    pass_time(7 * 86400 - 2 * REMOVAL_SECONDS)
    withdrawals.follow(["beta"])
    assert store.studies() == ("alpha", "beta")
    for _ in range(4):
        pass_time(REMOVAL_SECONDS)
        withdrawals.follow(["beta"])
    assert store.studies() == ("beta",)
    assert [path.name for path in settings.traces_dir.iterdir()] == ["beta"]


def test_a_study_withdrawn_by_hand_is_kept_as_long_as_its_folder_is_there(
    withdrawals: Withdrawals, store: TraceStore, publisher: Publisher, pass_time: Callable[[float], None]
) -> None:
    publisher.withdraw("alpha", "command")
    for _ in range(3):
        pass_time(8 * 86400)
        withdrawals.follow(["alpha", "beta"])
    assert store.withdrawal("alpha") is not None
    for _ in range(3):
        pass_time(REMOVAL_SECONDS)
        withdrawals.follow(["beta"])
    assert store.studies() == ("beta",)


def test_what_cannot_be_read_or_written_is_told_once_and_stops_no_other(
    withdrawals: Withdrawals,
    store: TraceStore,
    settings: Settings,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (settings.traces_dir / "beta" / WITHDRAWN_FILE).write_text("{")
    for _ in range(3):
        withdrawals.follow(["beta"])
        clock.now += GONE_SECONDS
    assert store.withdrawal("alpha") is not None
    told = [line for line in caplog.messages if WITHDRAWN_FILE in line]
    assert len(told) == 1
