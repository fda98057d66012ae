"""Weaknesses of a panel are warnings, and stop nothing."""

from collections.abc import Callable

import numpy as np
import pytest
from small_study import StudyFolder, make_rows
from test_cli import run

from model_worker.design.data_warnings import find_data_warnings
from model_worker.design.study_input import read_input
from model_worker.service.reconciler import Reconciler
from model_worker.settings import Settings
from tracestore.store import TraceStore


def warnings_of(folder: StudyFolder, settings: Settings) -> tuple[str, ...]:
    given = read_input(folder.write(), settings)
    return find_data_warnings(given.study, given.panel, given.design)


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


def asking(key: str, spoil: Callable[[StudyFolder], None]) -> Callable[[StudyFolder], None]:
    def spoil_and_ask(folder: StudyFolder) -> None:
        spoil(folder)
        folder.text += f"\n[model]\n{key}\n"

    return spoil_and_ask


POOLED = 'effects = "pooled"'

CAUTIONS: dict[str, tuple[Callable[[StudyFolder], None], str]] = {
    "few periods": (few_periods, "There are 4 years"),
    "one period": (
        a_unit_of_one_period,
        "One year alone is there of 1 of 6 states, which tells nothing of the slope: U0.",
    ),
    "one period, pooled": (
        asking(POOLED, a_unit_of_one_period),
        "1 of 6 states, which tells of the slope only by comparing states: U0.",
    ),
    "hardly varies, pooled": (
        asking(POOLED, lambda f: a_treatment_between_units(f, 0.002)),
        "the slope comes from what states differ by",
    ),
    "hardly varies, trends": (
        asking("trends = true", lambda f: a_treatment_between_units(f, 0.05)),
        "effects and trends leave",
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
    found = warnings_of(folder, settings)
    assert [caution for caution in found if sentence in caution], found
    assert all(caution.endswith(".") for caution in found)


@pytest.mark.parametrize(
    ("key", "advised"), [("", True), ('tails = "student"', False), (POOLED, False)], ids=str
)
def test_tails_are_advised_against_outliers_where_they_are_offered_and_not_set(
    key: str, advised: bool, folder: StudyFolder, settings: Settings
) -> None:
    asking(key, an_outlier)(folder)
    (caution,) = [caution for caution in warnings_of(folder, settings) if "Outliers" in caution]
    assert ("student" in caution) == advised


def test_few_periods_are_no_weakness_of_independent_errors(folder: StudyFolder, settings: Settings) -> None:
    asking('errors = "independent"', few_periods)(folder)
    assert warnings_of(folder, settings) == ()


def test_an_outlier_is_one_beside_the_trends_that_the_model_has(
    folder: StudyFolder, settings: Settings
) -> None:
    """Lines that differ between units leave much without trends, and hide what is far from them."""
    for line in range(2, len(folder.rows) + 1):
        unit, period = divmod(line - 2, 8)
        sales = float(folder.rows[line - 1].split(",")[3])
        folder.set_cell(line, "sales", f"{sales * np.exp((unit - 2.5) * period):.6g}")
    folder.set_cell(14, "sales", str(3 * float(folder.rows[13].split(",")[3])))
    assert not any("Outliers" in caution for caution in warnings_of(folder, settings))
    folder.text += "\n[model]\ntrends = true\n"
    assert any("Outliers" in caution for caution in warnings_of(folder, settings))


def test_a_sound_panel_has_no_warnings(folder: StudyFolder, settings: Settings) -> None:
    assert warnings_of(folder, settings) == ()


def test_nouns_of_several_are_those_of_the_language(folder: StudyFolder, settings: Settings) -> None:
    few_periods(folder)
    folder.text = folder.text.replace('noun = "state"', 'noun = "country"')
    assert any("effects of countries" in caution for caution in warnings_of(folder, settings))
    folder.text = folder.text.replace('noun = "country"', 'noun = "Land", plural = "Länder"')
    assert any("effects of Länder" in caution for caution in warnings_of(folder, settings))


def test_the_outlier_is_named(folder: StudyFolder, settings: Settings) -> None:
    an_outlier(folder)
    (caution,) = [caution for caution in warnings_of(folder, settings) if "Outliers" in caution]
    assert "U1 2004" in caution


def test_a_change_without_logarithm_is_said(folder: StudyFolder, settings: Settings) -> None:
    folder.text = folder.text.replace(
        'kind = "percent", default = 1, min = -50', 'kind = "units", default = 1, min = -500'
    )
    assert any("has no logarithm" in caution for caution in warnings_of(folder, settings))


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
    reconciler_of: Callable[[Settings], Reconciler],
    caplog: pytest.LogCaptureFixture,
) -> None:
    few_periods(folder)
    for line in range(2, len(folder.rows) + 1):
        folder.set_cell(line, "year", f"2000Q{(line - 2) % 4 + 1}")
    folder.text = folder.text.replace('noun = "year"', 'noun = "quarter", form = "quarter"')
    folder.write()
    reconciler_of(settings).reconcile()
    (manifest,) = store.versions("small")
    assert manifest.periods == (8000, 8001, 8002, 8003)
    assert manifest.period_labels == ("2000 Q1", "2000 Q2", "2000 Q3", "2000 Q4")
    (warning,) = [text for text in manifest.warnings if "There are 4 quarters" in text]
    assert warning in caplog.messages
