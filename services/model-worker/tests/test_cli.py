"""The commands say what is wrong and exit accordingly."""

import os
import subprocess
import sys

import pytest
from small_study import REPOSITORY, StudyFolder

from model_worker.settings import Settings
from tracestore.store import TraceStore


def run(
    *arguments: str, settings: Settings, python: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "STUDIES_DIR": str(settings.studies_dir),
        "TRACES_DIR": str(settings.traces_dir),
        "DRAWS": "300",
        "TUNE": "300",
        **variables,
    }
    return subprocess.run(
        [sys.executable, *python, "-m", "model_worker", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def test_help_lists_the_commands_and_exits_with_0(settings: Settings) -> None:
    done = run("--help", settings=settings)
    assert done.returncode == 0, done.stderr
    assert "rollback" in done.stdout


def test_check_passes_the_studies_that_ship(settings: Settings) -> None:
    done = run("check", settings=settings, STUDIES_DIR=str(REPOSITORY / "studies"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "smoking-spending: no faults; 255 rows, 51 units, 5 periods" in done.stdout
    assert "cigarette-sales: no faults; 2550 rows, 51 units, 50 periods" in done.stdout


def test_check_prints_every_fault_with_file_line_and_column(folder: StudyFolder, settings: Settings) -> None:
    folder.set_cell(5, "sales", "x")
    folder.set_cell(7, "tax", "")
    folder.write()
    done = run("check", "small", settings=settings)
    assert done.returncode == 1
    first, second = done.stdout.splitlines()
    assert first.startswith('small/data.csv:5: sales: found "x" (U0, 2003); expected a number')
    assert second.startswith("small/data.csv:7: tax: found an empty cell (U0, 2005)")


def test_check_does_not_load_the_sampler(folder: StudyFolder, settings: Settings) -> None:
    folder.write()
    done = run("check", settings=settings, python=("-X", "importtime"))
    assert done.returncode == 0
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "pandas" in loaded
    assert not {"pymc", "pytensor", "nutpie", "numba"} & loaded


def test_an_unknown_study_is_refused_with_a_guess(folder: StudyFolder, settings: Settings) -> None:
    folder.write()
    done = run("check", "smal", settings=settings)
    assert done.returncode == 2
    assert 'there is no study "smal". Did you mean "small"?' in done.stderr


def test_a_studies_directory_that_is_not_there_is_refused(settings: Settings) -> None:
    done = run("check", settings=settings, STUDIES_DIR="/nowhere")
    assert done.returncode == 2
    assert done.stderr == "STUDIES_DIR is '/nowhere', but there is no directory of that name.\n"


@pytest.mark.parametrize("command", ["check", "fit", "watch", "list"])
def test_every_command_refuses_a_bad_variable(command: str, settings: Settings) -> None:
    done = run(command, settings=settings, CHAINS="one")
    assert done.returncode == 2
    assert done.stderr == "CHAINS is 'one', but must be a whole number from 2 to 16.\n"


def test_fit_publishes_lists_and_rolls_back(
    folder: StudyFolder, settings: Settings, store: TraceStore
) -> None:
    folder.write()
    assert "small: published" in run("fit", settings=settings).stdout
    first = store.current("small").version
    folder.set_cell(5, "sales", "20")
    folder.write()
    done = run("fit", "small", settings=settings)
    assert done.returncode == 0
    second = store.current("small").version
    assert second != first
    back = run("rollback", "small", settings=settings)
    assert back.stdout == f"small: version {first} is current again\n"
    header, *rows = (line.split() for line in run("list", settings=settings).stdout.splitlines())
    assert header == ["STUDY", "VERSION", "CURRENT", "CREATED", "VERDICT"]
    assert {(row[1], "current" in row) for row in rows} == {(first, True), (second, False)}


def test_fit_exits_with_1_and_says_why_when_the_gate_does_not_pass(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.write()
    done = run("fit", settings=settings, DRAWS="100")
    assert done.returncode == 1
    assert "small: failed" in done.stdout
    assert "ess_tail" in done.stdout


def test_withdraw_and_restore_by_hand(folder: StudyFolder, settings: Settings, store: TraceStore) -> None:
    folder.write()
    StudyFolder(folder.path.with_name("other"), text="title = ").write()
    assert run("fit", "small", settings=settings).returncode == 0
    version = store.current("small").version

    done = run("withdraw", "small", settings=settings)

    assert done.returncode == 0
    assert done.stdout == (
        "small: withdrawn; `model-worker restore small` takes that back, within 7 days without a fit\n"
    )
    assert [row.split()[:3] for row in run("list", settings=settings).stdout.splitlines()[1:]] == [
        ["small", version, "withdrawn"]
    ]
    refused = run("fit", "small", settings=settings)
    assert refused.returncode == 2
    assert refused.stderr == "small: is withdrawn; `model-worker restore small` takes that back\n"
    all_of_them = run("fit", settings=settings)
    assert "small: is withdrawn; `model-worker restore small` takes that back" in all_of_them.stdout
    assert "other: invalid" in all_of_them.stdout
    assert run("check", "small", settings=settings).returncode == 0

    assert run("restore", "small", settings=settings).stdout == "small: restored\n"
    assert store.withdrawal("small") is None
    assert run("restore", "small", settings=settings).stdout == "small: is not withdrawn\n"
    assert store.current("small").version == version


@pytest.mark.parametrize("command", ["withdraw", "restore", "rollback"])
def test_a_study_that_is_not_in_the_store_is_refused_with_a_guess(command: str, settings: Settings) -> None:
    (settings.traces_dir / "small").mkdir(parents=True)
    done = run(command, "smal", settings=settings)
    assert done.returncode == 2
    assert 'there is no study "smal". Did you mean "small"?' in done.stderr


def test_restore_of_a_study_without_a_folder_says_what_to_do(settings: Settings, store: TraceStore) -> None:
    (settings.traces_dir / "small").mkdir(parents=True)
    run("withdraw", "small", settings=settings)
    done = run("restore", "small", settings=settings)
    assert done.returncode == 2
    assert "there is no folder of small, so it cannot be restored. Put the folder back" in done.stderr
    assert store.withdrawal("small") is not None


def test_rollback_with_nothing_before_is_refused(folder: StudyFolder, settings: Settings) -> None:
    settings.traces_dir.mkdir()
    (settings.traces_dir / "small").mkdir()
    done = run("rollback", "small", settings=settings)
    assert done.returncode == 1
    assert "no version has been published yet" in done.stderr
