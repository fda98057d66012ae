"""Replicas start one after the other, and none waits for one that is gone."""

import subprocess
import sys
from pathlib import Path

from conftest import eventually
from dashboard.operations.start_lock import StartLock

HOLDER = (
    "import sys, pathlib; from dashboard.operations.start_lock import StartLock; "
    "turn = StartLock(pathlib.Path(sys.argv[1])); print(turn.acquire(), flush=True); sys.stdin.read()"
)


def test_the_next_one_starts_when_the_one_before_is_ready(tmp_path: Path) -> None:
    first, second = StartLock(tmp_path), StartLock(tmp_path)
    assert first.acquire()
    assert not second.acquire(patience=0.2), "its patience has ended, and it starts all the same"
    first.release()
    first.release()
    assert second.acquire(patience=0)


def test_a_process_that_dies_passes_its_turn_on(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "True\n"
    turn = StartLock(tmp_path)
    assert not turn.acquire(patience=0)
    holder.kill()
    holder.communicate()
    assert eventually(lambda: turn.acquire(patience=0))
