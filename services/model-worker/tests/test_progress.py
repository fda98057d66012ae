"""The status says what is done, of how much, and how long it will take."""

from itertools import pairwise
from threading import Event

import pytest

from model_worker.service.progress import FAULTS_TOLD, INTERVAL_SECONDS, Progress, make_status
from tracestore.errors import PublishFailed
from tracestore.manifest import Fault, Status


def test_a_phase_is_told_at_once_and_the_draws_with_an_estimate() -> None:
    told: list[Status] = []
    with Progress("small", "A study", told.append) as progress:
        progress.enter("compiling")
        assert told[-1].phase == "compiling"
        progress.enter("sampling", draws_total=800)
        assert (told[-1].draws_done, told[-1].draws_total, told[-1].eta_seconds) == (0, 800, None)
        progress.count_draws(400)
        status = progress.status()
        assert status.draws_done == 400
        assert status.eta_seconds is not None
        assert status.eta_seconds >= 0
        progress.count_draws(10_000)
        assert progress.status().draws_done == 800
        progress.enter("diagnosing")
        assert told[-1].eta_seconds is None


def test_the_status_is_written_more_than_once_a_second_while_nothing_happens() -> None:
    told: list[Status] = []
    thrice = Event()

    def write(status: Status) -> None:
        told.append(status)
        if len(told) == 4:
            thrice.set()

    with Progress("small", "A study", write):
        assert thrice.wait(10)
    gaps = [(b.updated_at - a.updated_at).total_seconds() for a, b in pairwise(told)]
    assert INTERVAL_SECONDS <= 0.5
    assert max(gaps[:3]) < 1


def test_a_status_that_cannot_be_written_is_told_once_and_does_not_end_the_fit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(status: Status) -> None:
        raise PublishFailed("no space left on device")

    with Progress("small", "A study", refuse) as progress:
        progress.enter("compiling")
        progress.enter("sampling", draws_total=10)
    assert caplog.text.count("no space left on device") == 1


def test_a_page_is_told_the_first_faults_and_how_many_there_are() -> None:
    fault = Fault(kind="empty_cell", file="a.csv", expected="x", found="y", advice="z.")
    many = fault.model_copy(update={"times": 67})
    status = make_status("small", "A study", "invalid", faults=(fault,) * 1233 + (many,))
    assert len(status.faults) == FAULTS_TOLD
    assert status.error is not None
    assert "1,300 faults" in status.error
