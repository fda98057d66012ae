"""Who asks for much waits, and nobody else does."""

import pytest

from dashboard.paces import CHANGES_A_SECOND, CHANGES_AT_ONCE, FORGET_AT, Paces


def test_some_at_once_and_then_so_many_a_second_are_made_without_waiting() -> None:
    paces = Paces()
    waits = [paces.take("a", 1, now=0) for _ in range(int(CHANGES_AT_ONCE))]
    assert waits == pytest.approx([0] * int(CHANGES_AT_ONCE))
    waits = [paces.take("a", 1, now=0) for _ in range(3)]
    assert waits == pytest.approx([1 / CHANGES_A_SECOND, 2 / CHANGES_A_SECOND, 3 / CHANGES_A_SECOND])
    assert paces.take("a", 1, now=1) == 0
    assert paces.take("b", 1, now=0) == 0, "another address waits for nothing"


def test_one_that_was_silent_for_long_has_no_more_than_before() -> None:
    paces = Paces()
    paces.take("a", 1, now=0)
    assert paces.take("a", CHANGES_AT_ONCE, now=1_000_000) == 0
    assert paces.take("a", 1, now=1_000_000) > 0


def test_addresses_that_have_nothing_to_wait_for_are_forgotten() -> None:
    paces = Paces()
    paces.take("busy", 10 * CHANGES_AT_ONCE, now=0)
    for number in range(FORGET_AT):
        paces.take(str(number), 1, now=0)
    for number in range(FORGET_AT):
        paces.take(f"later {number}", 1, now=10)
    assert len(paces) <= FORGET_AT + 1
    assert paces.take("busy", 1, now=10) > 0
