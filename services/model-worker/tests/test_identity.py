"""Every part that decides a fit changes its version; nothing else does."""

from pathlib import Path

import pytest
from small_study import StudyFolder

from model_worker import identity
from model_worker.inputs import read_input
from model_worker.settings import Settings


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
        "attendant",
        "cli",
        "compile_ahead",
        "faults",
        "fitting",
        "fitting_process",
        "identity",
        "inputs",
        "logs",
        "progress",
        "settings",
        "size",
    }
    others |= {"dialect", "layouts", "new_study", "proposal", "report", "study_template"}
    others |= {"toml_lines", "verdicts", "watch", "withdrawals", "writer", "__init__", "__main__"}
    package = {path.stem for path in Path(identity.__file__).parent.glob("*.py")}
    assert package == others | set(identity.MODEL_MODULES)
