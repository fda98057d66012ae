"""A hung event loop is told and ended; a process that was stopped, or a loop that is busy, is not."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest
from synthetic import publish
from visits import Visit

from conftest import Service, eventually
from dashboard.health import Health
from dashboard.watchdog import EXIT_CODE, Watchdog

# Python imports a module of the name sitecustomize before anything else.
HANG = """
import asyncio, pathlib, time
from dashboard.page_handler import PageHandler
answer = PageHandler._answer

def answer_and_hang(handler, *arguments):
    answer(handler, *arguments)
    if pathlib.Path({flag!r}).exists():
        asyncio.get_running_loop().call_later(0.5, {hang})

PageHandler._answer = answer_and_hang
"""


def hang(service: Service, directory: Path, code: str) -> None:
    """Start a service whose loop hangs once a page is asked for, and ask for one."""
    flag = directory / "flag"
    (directory / "sitecustomize.py").write_text(HANG.format(flag=str(flag), hang=code))
    service.start(PYTHONPATH=str(directory))
    eventually(service.ready)
    flag.touch()
    service.ask()


def test_looks_count_only_while_no_new_mark_comes() -> None:
    health = Health()
    watchdog = Watchdog(health)
    assert [watchdog.look() for _ in range(3)] == [0, 0, 0], "a loop that has not started is not silent"
    health.beat()
    assert [watchdog.look() for _ in range(3)] == [0, 1, 2]
    health.beat()
    assert watchdog.look() == 0


def test_a_jump_of_the_clock_is_one_look() -> None:
    health = Health(last_beat=time.monotonic())
    watchdog = Watchdog(health)
    watchdog.look()
    health.last_beat = time.monotonic() - 86_400
    assert [watchdog.look() for _ in range(2)] == [0, 1]


def test_a_hung_loop_is_not_ready_within_two_seconds_then_its_stacks_are_logged_and_the_process_ends(
    service: Service, tmp_path: Path
) -> None:
    hang(service, tmp_path, "lambda: time.sleep(3600)")
    began = time.monotonic()
    eventually(lambda: not service.ready(), 1)
    assert time.monotonic() - began < 2
    assert service.process.wait(60) == EXIT_CODE
    told = [line for line in service.read_log().splitlines() if "stacks:" in line]
    assert len(told) == 1, "the stacks are one event of the log, on one line"
    assert json.loads(told[0])["level"] == "critical"
    assert "thread MainThread:" in told[0]
    assert "time.sleep(3600)" in told[0]
    assert "thread health:" in told[0]


def test_code_that_never_gives_up_the_interpreter_is_ended_by_processor_time(
    service: Service, tmp_path: Path
) -> None:
    # Matching takes time exponential in the length, all of it within one call of C code.
    hang(service, tmp_path, "lambda: __import__('re').match('(a*)*b', 'a' * 60)")
    assert service.process.wait(180) == -signal.SIGPROF
    assert "Current thread" in service.read_log()


def test_a_stopped_process_goes_on_with_its_pages_when_it_is_woken(service: Service) -> None:
    publish(service.root)
    service.start()
    eventually(service.ready)
    visit = Visit(service)
    service.process.send_signal(signal.SIGSTOP)
    # Longer than a hung loop would be given: there is nothing to wait for but this time itself.
    with pytest.raises(subprocess.TimeoutExpired):
        service.process.wait(12)
    service.process.send_signal(signal.SIGCONT)
    visit.slide(20)
    visit.wait_for(lambda words: words["query"].endswith("change=20"))
    visit.close()
    eventually(service.ready)
    assert service.stop() == 0
