"""Changes that come one after the other without a pause are haste, and those of a reader are not."""

import pytest

from dashboard import haste
from dashboard.haste import HASTY_CHANGES, PAUSE_SECONDS, Haste


class Clock:
    """A clock that is set."""

    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(haste, "time", clock)
    return clock


def ask(clock: Clock, hand: Haste, pause: float, parts: int = 3) -> bool:
    """Send a change of several parts some time after the answer to the last one; it takes a second."""
    clock.now += pause
    for _ in range(parts - 1):
        hand.take()
        hand.answer()
    hand.take()
    hasty = hand.change()
    clock.now += 1
    hand.answer()
    return hasty


def test_changes_that_have_come_before_the_last_one_was_answered_are_haste(clock: Clock) -> None:
    hand = Haste()
    asked = [ask(clock, hand, 0.0) for _ in range(HASTY_CHANGES + 3)]
    assert asked == [False] * HASTY_CHANGES + [True] * 3
    assert not ask(clock, hand, 2 * PAUSE_SECONDS), "after a pause it is none"


def test_changes_with_a_pause_between_them_are_none_however_many(clock: Clock) -> None:
    hand = Haste()
    assert not any(ask(clock, hand, 2 * PAUSE_SECONDS) for _ in range(100))
