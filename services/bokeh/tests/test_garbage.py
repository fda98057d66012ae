"""When everything is collected: never while many read, unless long overdue."""

import gc

from dashboard.operations.garbage import FEW_SESSIONS, NEVER, OVERDUE_SESSIONS, is_due, keep_young


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
    assert not is_due(FEW_SESSIONS, 0)
    assert not is_due(FEW_SESSIONS + 1, 1)
    assert is_due(FEW_SESSIONS, 1)


def test_everything_is_collected_when_overdue_however_many_are_open() -> None:
    assert not is_due(500, OVERDUE_SESSIONS - 1)
    assert is_due(500, OVERDUE_SESSIONS)
