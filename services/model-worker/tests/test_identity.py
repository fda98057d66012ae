"""Every part that decides a fit changes its version; nothing else does."""

from pathlib import Path

import pytest
from small_study import StudyFolder

from model_worker.design.study_input import read_input
from model_worker.settings import Settings
from model_worker.study import identity


def version(folder: StudyFolder, settings: Settings) -> str:
    return read_input(folder.write(), settings).identity.version()


@pytest.mark.parametrize("part", ["chains", "draws", "tune", "seed"])
def test_a_setting_of_the_sampler_changes_the_version(
    part: str, folder: StudyFolder, settings: Settings
) -> None:
    other = settings.model_copy(update={part: getattr(settings, part) + 1})
    assert version(folder, settings) != version(folder, other)


def test_the_data_change_the_version(folder: StudyFolder, settings: Settings) -> None:
    before = version(folder, settings)
    folder.set_cell(9, "sales", "12.5")
    assert version(folder, settings) != before


def test_study_toml_changes_the_version(folder: StudyFolder, settings: Settings) -> None:
    before = version(folder, settings)
    folder.text += "\n# a comment\n"
    assert version(folder, settings) != before


def test_packages_and_the_models_code_change_the_version(
    folder: StudyFolder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = version(folder, settings)
    monkeypatch.setattr(identity, "package_versions", lambda: {"pymc": "0"})
    other_packages = version(folder, settings)
    monkeypatch.setattr(identity, "model_version", lambda: "another")
    assert len({before, other_packages, version(folder, settings)}) == 3


def test_where_the_study_lies_and_how_long_versions_stay_change_nothing(
    folder: StudyFolder, settings: Settings
) -> None:
    before = version(folder, settings)
    folder.path = folder.path.with_name("renamed")
    assert version(folder, settings.model_copy(update={"retention_days": 1, "log_level": "debug"})) == before


def test_every_module_that_decides_a_fit_is_in_the_models_version() -> None:
    assert len(identity.model_version()) == 12
    others = {
        *("__main__", "settings"),
        *(f"commands.{name}" for name in ("check", "command_line", "conversion", "fit", "init", "lookups")),
        *(f"commands.{name}" for name in ("report", "schema", "versions", "watch", "withdrawal")),
        *("design.memory_limits", "design.study_input"),
        *("fit.compile_ahead", "fit.verdicts"),
        *(f"new_study.{name}" for name in ("csv_sniffing", "importers", "role_inference", "study_folder")),
        "new_study.template",
        *(f"service.{name}" for name in ("fit_job", "fitting_process", "logs", "progress", "reconciler")),
        *("service.store_writer", "service.watcher", "service.withdrawals"),
        *("study.faults", "study.identity", "study.toml_lines"),
    }
    package = Path(identity.__file__).parents[1]
    modules = {".".join(path.relative_to(package).with_suffix("").parts) for path in package.rglob("*.py")}
    found = {name for name in modules if name.rpartition(".")[2] != "__init__"}
    assert found - others == set(identity.model_modules())
    assert others < found
