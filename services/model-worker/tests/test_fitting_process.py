"""The process that fits is replaced between fits once it holds more memory than it may."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from small_study import StudyFolder

from model_worker.service.fit_job import Fitted
from model_worker.service.fitting_process import FittingProcess
from model_worker.settings import Settings

STUDENT = 'tails = "student"'

Start = Callable[..., FittingProcess]


@pytest.fixture
def start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    monkeypatch.setenv("STUDIES_DIR", str(settings.studies_dir))
    monkeypatch.setenv("TRACES_DIR", str(settings.traces_dir))
    started: list[FittingProcess] = []

    def make(most_resident: int) -> FittingProcess:
        started.append(FittingProcess(Event(), most_resident))
        return started[-1]

    yield make
    for process in started:
        process.end()


@pytest.fixture
def invalid(folder: StudyFolder) -> Path:
    """A study with a fault, which a fit finds before anything is compiled."""
    folder.set_cell(5, "sales", "forty")
    return folder.write()


def test_a_process_below_its_bound_fits_the_next_study_too(start: Start, invalid: Path) -> None:
    process = start(1 << 40)
    assert process.fit(invalid) is None
    first = process.child
    assert process.fit(invalid) is None
    assert process.child == first is not None


def test_a_process_beyond_its_bound_is_ended_after_the_fit(start: Start, invalid: Path) -> None:
    process = start(1 << 20)
    for _ in range(2):
        assert process.fit(invalid) is None
        assert process.child is None


def test_a_study_with_student_tails_has_a_process_of_its_own_and_keeps_it(
    start: Start, folder: StudyFolder
) -> None:
    """Each has a fault in its data, which a fit finds before anything is compiled."""

    def write(name: str, model: str) -> Path:
        other = StudyFolder(folder.path.with_name(name), text=f"{folder.text}[model]\n{model}\n")
        other.set_cell(5, "sales", "forty")
        return other.write()

    normal, first, second = write("aaa", ""), write("bbb", STUDENT), write("ccc", STUDENT)
    process = start(1 << 40)
    used = []
    for path in (normal, first, first, normal, first, second):
        assert process.fit(path) is None
        used.append(process.child)

    of_normal, of_first, of_second = used[0], used[1], used[5]
    assert used == [of_normal, of_first, of_first, of_first, of_first, of_second]
    assert len({of_normal, of_first, of_second}) == 3


def test_a_process_that_cannot_start_is_told(
    start: Start, invalid: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    error = "The fit broke off: no process can be started (No such file or directory)."
    assert start(1 << 40).fit(invalid) == Fitted(None, error)
    assert caplog.messages == [error]


def test_settings_that_the_process_refuses_are_told(
    start: Start, invalid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINS", "one")
    error = "The fit broke off: its process ended unexpectedly (code 1)."
    assert start(1 << 40).fit(invalid) == Fitted(None, error)
