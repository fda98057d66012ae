"""A process whose event loop hangs says where, and ends, so that the engine starts it anew."""

import time
from pathlib import Path

import pytest
from synthetic import publish

from conftest import Service, eventually
from dashboard.operations.watchdog import SILENCE_SECONDS

# Python imports a module of the name sitecustomize before anything else.
HANG = """
import asyncio, pathlib, time
from dashboard.http.page import PageRoute
write = PageRoute._write

def write_and_hang(route, *arguments):
    if pathlib.Path({flag!r}).exists():
        asyncio.get_running_loop().call_later(0.5, {hang})
    return write(route, *arguments)

PageRoute._write = write_and_hang
"""


@pytest.mark.parametrize(
    "code",
    [
        "lambda: time.sleep(3600)",
        # Matching takes time exponential in the length, within one call that never releases the interpreter.
        "lambda: __import__('re').match('(a*)*b', 'a' * 60)",
    ],
    ids=["the loop waits", "the interpreter is held"],
)
def test_hung_loop_is_not_ready_at_once_and_the_process_ends_with_its_stacks(
    service: Service, tmp_path: Path, code: str
) -> None:
    flag = tmp_path / "flag"
    (tmp_path / "sitecustomize.py").write_text(HANG.format(flag=str(flag), hang=code))
    publish(service.root)
    service.start(PYTHONPATH=f"{tmp_path}:{service.pythonpath}")
    eventually(service.ready)
    flag.touch()
    service.ask()
    began = time.monotonic()
    assert service.process.wait(6 * SILENCE_SECONDS) != 0
    assert time.monotonic() - began > SILENCE_SECONDS / 2
    log = service.read_log()
    assert "Timeout (0:00:10)!" in log
    assert "<lambda>" in log
