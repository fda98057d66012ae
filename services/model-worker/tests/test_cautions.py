"""What a panel is weak in is said, and stops nothing."""

from collections.abc import Callable

import numpy as np
import pytest
from small_study import StudyFolder, make_rows
from test_cli import run

from model_worker.attendant import Attendant
from model_worker.cautions import find_cautions
from model_worker.inputs import read_input
from model_worker.settings import Settings
from tracestore.store import TraceStore


def cautions_of(folder: StudyFolder, settings: Settings) -> tuple[str, ...]:
    given = read_input(folder.write(), settings)
    return find_cautions(given.study, given.panel, given.design)


def few_periods(folder: StudyFolder) -> None:
    folder.rows = make_rows(6, 4)


def a_unit_of_one_period(folder: StudyFolder) -> None:
    del folder.rows[2:9]


def a_treatment_between_units(folder: StudyFolder, noise: float) -> None:
    rng = np.random.default_rng(5)
    for line in range(2, len(folder.rows) + 1):
        folder.set_cell(line, "tax", f"{np.exp((line - 2) // 8 + noise * rng.normal()):.12f}")


def an_outlier(folder: StudyFolder) -> None:
    folder.set_cell(14, "sales", "900000")


def a_wide_what_if(folder: StudyFolder) -> None:
    folder.text = folder.text.replace("max = 100", "max = 1000000")


CAUTIONS: dict[str, tuple[Callable[[StudyFolder], None], str]] = {
    "few periods": (few_periods, "There are 4 years"),
    "one period": (
        a_unit_of_one_period,
        "1 of 6 states have one year alone and tell nothing of the slope: U0.",
    ),
    "hardly varies": (lambda f: a_treatment_between_units(f, 0.05), "hardly varies within states"),
    "nearly collinear": (
        lambda f: a_treatment_between_units(f, 0.002),
        "is nearly collinear with the effects",
    ),
    "outliers": (an_outlier, 'Outliers in "sales": '),
    "beyond the data": (a_wide_what_if, "what_if.change.max, 1e+06 %, is a larger change than any state"),
}


@pytest.mark.parametrize("name", CAUTIONS)
def test_a_weakness_of_the_panel_is_said(name: str, folder: StudyFolder, settings: Settings) -> None:
    spoil, sentence = CAUTIONS[name]
    spoil(folder)
    found = cautions_of(folder, settings)
    assert [caution for caution in found if sentence in caution], found
    assert all(caution.endswith(".") for caution in found)


def test_a_sound_panel_has_no_warnings(folder: StudyFolder, settings: Settings) -> None:
    assert cautions_of(folder, settings) == ()


def test_the_outlier_is_named(folder: StudyFolder, settings: Settings) -> None:
    an_outlier(folder)
    (caution,) = [caution for caution in cautions_of(folder, settings) if "Outliers" in caution]
    assert "U1 2004" in caution


def test_a_change_without_logarithm_is_said(folder: StudyFolder, settings: Settings) -> None:
    folder.text = folder.text.replace(
        'kind = "percent", default = 1, min = -50', 'kind = "units", default = 1, min = -500'
    )
    assert any("has no logarithm" in caution for caution in cautions_of(folder, settings))


def test_check_prints_warnings_and_passes(folder: StudyFolder, settings: Settings) -> None:
    few_periods(folder)
    folder.write()
    done = run("check", settings=settings)
    assert done.returncode == 0
    assert "small: warning: There are 4 years" in done.stdout


def test_a_version_keeps_its_warnings_and_how_its_periods_are_written(
    folder: StudyFolder,
    settings: Settings,
    store: TraceStore,
    attendant_of: Callable[[Settings], Attendant],
    caplog: pytest.LogCaptureFixture,
) -> None:
    few_periods(folder)
    for line in range(2, len(folder.rows) + 1):
        folder.set_cell(line, "year", f"2000Q{(line - 2) % 4 + 1}")
    folder.text = folder.text.replace('noun = "year"', 'noun = "quarter", form = "quarter"')
    folder.write()
    attendant_of(settings).attend()
    (manifest,) = store.versions("small")
    assert manifest.periods == (8000, 8001, 8002, 8003)
    assert manifest.period_labels == ("2000 Q1", "2000 Q2", "2000 Q3", "2000 Q4")
    (warning,) = [text for text in manifest.warnings if "There are 4 quarters" in text]
    assert warning in caplog.messages
