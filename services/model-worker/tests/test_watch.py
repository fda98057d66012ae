"""The container's command, run as the container runs it: watched from outside, ended by SIGTERM."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from small_study import StudyFolder, make_rows

from model_worker.new_study.role_inference import NamedRoles
from model_worker.new_study.study_folder import make_study
from model_worker.service.watcher import ALIVE_FILE
from model_worker.service.withdrawals import GONE_SECONDS
from model_worker.settings import Settings
from tracestore.publisher import Publisher
from tracestore.store import TraceStore


class Worker:
    """A command in a process of its own."""

    def __init__(self, settings: Settings, log: Path, command: str = "watch", **variables: str) -> None:
        self.settings, self.log = settings, log
        environment = {
            **os.environ,
            "STUDIES_DIR": str(settings.studies_dir),
            "TRACES_DIR": str(settings.traces_dir),
            "DRAWS": "300",
            "TUNE": "300",
            **variables,
        }
        self.started = monotonic()
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "model_worker", command], env=environment, stdout=output, stderr=output
            )

    def status(self, study: str) -> dict[str, Any]:
        path = self.settings.traces_dir / study / "status.json"
        return dict(json.loads(path.read_text())) if path.exists() else {"phase": None, "draws_done": 0}

    def until(self, condition: Callable[[], bool], timeout: float = 100) -> None:
        """Wait for a condition; fail with the log when it does not come or the worker ends."""
        end = monotonic() + timeout
        while not condition():
            assert self.process.poll() is None, f"the worker ended:\n{self.log.read_text()}"
            assert monotonic() < end, f"not within {timeout} s:\n{self.log.read_text()}"
            sleep(0.02)

    def until_phase(self, study: str, phase: str) -> None:
        self.until(lambda: self.status(study)["phase"] == phase)

    @property
    def fitting(self) -> int:
        """The process that fits."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        children = [child for thread in threads for child in (thread / "children").read_text().split()]
        [child] = children
        return int(child)

    def end(self) -> float:
        """Send SIGTERM; give the seconds it took, after checking that it was heeded properly."""
        began = monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=20) == 0, self.log.read_text()
        assert not list(self.settings.traces_dir.glob("*/.tmp-*"))
        return monotonic() - began


@pytest.fixture
def watch(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def start(command: str = "watch", **variables: str) -> Worker:
        workers.append(Worker(settings, tmp_path / f"log-{len(workers)}", command, **variables))
        return workers[-1]

    yield start
    for worker in workers:
        worker.process.kill()
        worker.process.wait()


def test_a_study_that_init_makes_is_fitted_by_a_worker_that_runs(
    tmp_path: Path, settings: Settings, store: TraceStore, watch: Callable[..., Worker]
) -> None:
    worker = watch()
    worker.until(lambda: "watching" in worker.log.read_text())
    (tmp_path / "My data.csv").write_text("\n".join(row.replace(",", ";") for row in make_rows()))
    made = make_study(tmp_path / "My data.csv", settings.studies_dir, None, NamedRoles())
    worker.until_phase(made.folder.name, "published")
    assert store.current("my-data").version
    worker.end()


def test_a_fit_ends_on_sigterm_also_as_the_first_process_of_a_container(
    folder: StudyFolder, settings: Settings, watch: Callable[..., Worker]
) -> None:
    """Such a process ignores a signal it does not handle; one that is handled gives a code of its own."""
    folder.write()
    worker = watch("fit")
    worker.until_phase("small", "compiling")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(timeout=20) == 128 + signal.SIGTERM, worker.log.read_text()
    assert not list(settings.traces_dir.glob("small/*/"))


def test_a_worker_fits_follows_changes_ends_cleanly_and_does_not_repeat_itself(
    folder: StudyFolder, settings: Settings, store: TraceStore, watch: Callable[..., Worker]
) -> None:
    folder.write()
    worker = watch()
    worker.until_phase("small", "published")
    first = store.current("small").version
    folder.set_cell(5, "sales", "forty")
    folder.write()
    worker.until_phase("small", "invalid")
    assert worker.status("small")["faults"][0]["line"] == 5
    assert store.current("small").version == first
    folder.set_cell(5, "sales", "40")
    folder.write()
    worker.until(lambda: store.current("small").version != first)
    other = StudyFolder(folder.path.with_name("other"))
    other.write()
    worker.until_phase("other", "published")
    assert worker.end() < 5
    lines = worker.log.read_text().splitlines()
    told = [line for line in lines if " INFO " not in line]
    assert len(told) == 1, told
    assert "ERROR small: small/data.csv, line 5, column sales (U0, 2003): found" in told[0]

    again = watch()
    again.until(lambda: again.log.read_text().count("is already fitted, and current") == 2)
    # The line is logged just before the status is written.
    again.until_phase("small", "published")
    assert again.end() < 5
    assert len(store.versions("small")) == 2
    assert all(" INFO " in line for line in again.log.read_text().splitlines())


def test_sigterm_ends_a_worker_that_compiles(
    folder: StudyFolder, store: TraceStore, watch: Callable[..., Worker]
) -> None:
    folder.write()
    worker = watch()
    worker.until_phase("small", "compiling")
    assert worker.end() < 5
    assert store.versions("small") == ()


def test_a_worker_that_samples_says_so_every_second_and_ends_on_sigterm(
    folder: StudyFolder, store: TraceStore, watch: Callable[..., Worker]
) -> None:
    folder.write()
    worker = watch(CHAINS="16", DRAWS="99999", TUNE="1000")
    worker.until(lambda: worker.status("small")["draws_done"] > 0)
    seen: list[dict[str, Any]] = []

    def changed() -> bool:
        status = worker.status("small")
        if not seen or status["updated_at"] != seen[-1]["updated_at"]:
            seen.append(status)
        return len(seen) == 4

    began = monotonic()
    worker.until(changed)
    assert monotonic() - began < 4
    assert seen[-1]["draws_total"] == 16 * (99_999 + 1_000)
    assert [status["draws_done"] for status in seen] == sorted(status["draws_done"] for status in seen)
    assert seen[0]["draws_done"] < seen[-1]["draws_done"]
    assert seen[-1]["eta_seconds"] > 0
    assert worker.end() < 5
    assert store.versions("small") == ()


def test_a_worker_that_fits_shows_the_health_check_that_it_lives(
    folder: StudyFolder, tmp_path: Path, watch: Callable[..., Worker]
) -> None:
    folder.write()
    worker = watch(CHAINS="16", DRAWS="99999", TUNE="1000", TMPDIR=str(tmp_path))
    shown = tmp_path / ALIVE_FILE.name
    worker.until(lambda: worker.status("small")["phase"] == "sampling" and shown.exists())
    before = shown.stat().st_mtime
    worker.until(lambda: shown.stat().st_mtime > before, 20)
    worker.end()


def test_a_study_is_withdrawn_with_its_folder_and_comes_back_with_it_without_a_fit(
    folder: StudyFolder, settings: Settings, store: TraceStore, watch: Callable[..., Worker]
) -> None:
    folder.write()
    worker = watch()
    worker.until_phase("small", "published")
    version = store.current("small").version
    away = settings.studies_dir.with_name("away")
    folder.path.rename(away)
    worker.until(lambda: store.withdrawal("small") is not None, 10)
    assert store.current("small").version == version
    away.rename(folder.path)
    worker.until(lambda: store.withdrawal("small") is None, 10)
    # An edit is followed as before, and so the study has been attended to since it is back.
    folder.set_cell(5, "sales", "forty")
    folder.write()
    worker.until_phase("small", "invalid")
    worker.end()
    log = worker.log.read_text()
    assert log.count("WARNING small: withdrawn, because ") == 1
    assert log.count("INFO small: restored: its folder is back") == 1
    assert log.count("fitted version") == 1


def test_a_studies_directory_that_cannot_be_listed_withdraws_nothing(
    settings: Settings, store: TraceStore, tmp_path: Path, watch: Callable[..., Worker]
) -> None:
    (settings.traces_dir / "small").mkdir(parents=True)
    away = settings.studies_dir.with_name("away")
    StudyFolder(settings.studies_dir / "small", text="title = ").write()
    worker = watch(TMPDIR=str(tmp_path))
    worker.until_phase("small", "invalid")
    settings.studies_dir.rename(away)
    worker.until(lambda: "cannot be listed" in worker.log.read_text())
    alive = tmp_path / ALIVE_FILE.name
    since = alive.stat().st_mtime
    worker.until(lambda: alive.stat().st_mtime > since + 2 * GONE_SECONDS)
    away.rename(settings.studies_dir)
    other = StudyFolder(settings.studies_dir / "other", text="title = ")
    other.write()
    worker.until_phase("other", "invalid")
    assert store.withdrawal("small") is None
    assert worker.log.read_text().count("cannot be listed") == 1
    worker.end()


def test_a_study_withdrawn_by_hand_is_not_fitted_until_it_is_restored(
    folder: StudyFolder, settings: Settings, store: TraceStore, watch: Callable[..., Worker]
) -> None:
    (settings.traces_dir / "small").mkdir(parents=True)
    publisher = Publisher(settings.traces_dir)
    publisher.withdraw("small", "command")
    folder.write()
    StudyFolder(folder.path.with_name("other")).write()
    worker = watch()
    worker.until_phase("other", "published")
    shutil.rmtree(folder.path)
    folder.write()
    other = StudyFolder(folder.path.with_name("other"), rows=make_rows(seed=2))
    first = store.current("other").version
    other.write()
    worker.until(lambda: store.current("other").version != first)
    assert store.versions("small") == ()
    assert store.withdrawal("small") is not None
    publisher.restore("small")
    worker.until_phase("small", "published")
    worker.end()


def test_a_fitting_process_that_is_killed_fails_its_study_and_no_other(
    folder: StudyFolder, store: TraceStore, watch: Callable[..., Worker]
) -> None:
    StudyFolder(folder.path.with_name("aaa")).write()
    folder.write()
    worker = watch()
    worker.until_phase("aaa", "compiling")
    os.kill(worker.fitting, signal.SIGKILL)
    worker.until_phase("small", "published")
    status = worker.status("aaa")
    assert status["phase"] == "failed"
    assert status["error"] == (
        "The fit broke off: its process was killed, as the system does where memory is short."
    )
    assert store.versions("aaa") == ()
    worker.end()


def test_a_worker_that_is_killed_leaves_no_process_that_fits(
    folder: StudyFolder, watch: Callable[..., Worker]
) -> None:
    folder.write()
    worker = watch()
    worker.until_phase("small", "compiling")
    fitting = Path(f"/proc/{worker.fitting}/status")
    worker.process.kill()
    worker.process.wait()
    end = monotonic() + 10
    # Nobody may wait for an orphan in a container without an init; then it stays as a zombie.
    while fitting.exists() and "State:\tZ" not in fitting.read_text():
        assert monotonic() < end
        sleep(0.02)


def test_a_failed_fit_is_repeated_at_the_interval(
    folder: StudyFolder, settings: Settings, store: TraceStore, watch: Callable[..., Worker]
) -> None:
    settings.traces_dir.mkdir()
    worker = watch(REFIT_INTERVAL="1")
    worker.until(lambda: "no study in" in worker.log.read_text())
    obstacle = settings.traces_dir / "small"
    obstacle.write_text("a file where the study's directory should be")
    folder.write()
    worker.until(lambda: "found a link or a file" in worker.log.read_text())
    obstacle.unlink()
    worker.until(lambda: worker.status("small")["phase"] == "published")
    assert len(store.versions("small")) == 1
    worker.end()


def test_a_store_that_cannot_be_written_ends_the_worker_with_a_sentence(
    folder: StudyFolder, settings: Settings, watch: Callable[..., Worker]
) -> None:
    folder.write()
    settings.traces_dir.write_text("a file where the store should be")
    worker = watch()
    assert worker.process.wait(timeout=30) == 1
    assert "ERROR model-worker" in worker.log.read_text()
    assert "Traceback" not in worker.log.read_text()
