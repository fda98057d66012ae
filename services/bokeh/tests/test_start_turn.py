"""Replicas start one after the other, and none waits for one that is gone."""

import subprocess
import sys
from pathlib import Path

from conftest import eventually
from dashboard.start_turn import StartTurn

HOLDER = (
    "import sys, pathlib; from dashboard.start_turn import StartTurn; "
    "turn = StartTurn(pathlib.Path(sys.argv[1])); print(turn.take(), flush=True); sys.stdin.read()"
)


def test_the_next_one_starts_when_the_one_before_is_ready(tmp_path: Path) -> None:
    first, second = StartTurn(tmp_path), StartTurn(tmp_path)
    assert first.take()
    assert not second.take(patience=0.2), "its patience has ended, and it starts all the same"
    first.pass_on()
    first.pass_on()
    assert second.take(patience=0)


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
    turn = StartTurn(tmp_path)
    assert not turn.take(patience=0)
    holder.kill()
    holder.communicate()
    assert eventually(lambda: turn.take(patience=0))
