"""When everything is collected: never while many read, unless long overdue."""

import gc

from dashboard.operations.garbage import FEW_SESSIONS, NEVER, OVERDUE_SESSIONS, Collector, keep_young


def test_old_objects_are_never_collected_by_themselves() -> None:
    before = gc.get_threshold()
    try:
        keep_young()
        assert gc.get_threshold()[2] == NEVER
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_everything_is_collected_once_few_sessions_are_open_after_one_has_ended() -> None:
    opened, ended = FEW_SESSIONS + 1, 0
    collector = Collector(lambda: opened, lambda: ended)
    assert not collector.is_due()
    ended = 1
    assert not collector.is_due()
    opened = FEW_SESSIONS
    assert collector.is_due()
    collector.collect()
    assert not collector.is_due()


def test_everything_is_collected_when_overdue_however_many_are_open() -> None:
    ended = OVERDUE_SESSIONS - 1
    collector = Collector(lambda: 500, lambda: ended)
    assert not collector.is_due()
    ended += 1
    assert collector.is_due()
