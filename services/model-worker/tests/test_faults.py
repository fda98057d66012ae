"""Every fault of a study's files is told, all at once, with file, line, column, unit and period."""

from collections.abc import Callable

import pytest
from small_study import StudyFolder, make_rows

from model_worker.design.study_input import read_input
from model_worker.settings import Settings
from model_worker.study.faults import InvalidInput
from tracestore.manifest import Fault


def faults_of(folder: StudyFolder, settings: Settings) -> tuple[Fault, ...]:
    folder.write()
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.path, settings)
    return raised.value.faults


def constant(folder: StudyFolder) -> None:
    for line in range(2, len(folder.rows) + 1):
        folder.set_cell(line, "tax", "1.5")


def constant_within_units(folder: StudyFolder) -> None:
    for line in range(2, len(folder.rows) + 1):
        folder.set_cell(line, "tax", str(1 + (line - 2) // 8))


def only_one_unit(folder: StudyFolder) -> None:
    folder.rows = folder.rows[:9]


def only_one_period(folder: StudyFolder) -> None:
    folder.rows = [folder.rows[0], *folder.rows[1::8]]


def too_few_rows(folder: StudyFolder) -> None:
    folder.rows = make_rows(3, 2)


def only_two_units(folder: StudyFolder) -> None:
    folder.rows = folder.rows[:17]


def collinear_control(folder: StudyFolder) -> None:
    folder.text = folder.text.replace("controls = []", 'controls = ["income", "copy"]')
    folder.rows[0] += ",copy"
    folder.rows[1:] = [f"{row},{2 * float(row.split(',')[-1]):.6f}" for row in folder.rows[1:]]


def explained(folder: StudyFolder) -> None:
    for line in range(2, len(folder.rows) + 1):
        folder.set_cell(line, "sales", folder.rows[line - 1].split(",")[4])


DATA_FAULTS: dict[str, tuple[Callable[[StudyFolder], None], int | None, str | None, str | None]] = {
    "missing_column": (lambda f: f.rows.__setitem__(0, "state,name,yaer,sales,tax,income"), 1, "year", None),
    "empty_cell": (lambda f: f.set_cell(5, "tax", ""), 5, "tax", "U0"),
    "not_a_number": (lambda f: f.set_cell(11, "sales", "1 234"), 11, "sales", "U1"),
    "not_finite": (lambda f: f.set_cell(3, "sales", "NaN"), 3, "sales", "U0"),
    "not_positive": (lambda f: f.set_cell(3, "tax", "-2"), 3, "tax", "U0"),
    "not_an_integer": (lambda f: f.set_cell(4, "year", "2002.5"), 4, "year", "U0"),
    "repeated_row": (lambda f: f.rows.append(f.rows[1]), 50, "year", "U0"),
    "label_conflict": (lambda f: f.set_cell(9, "name", "Other"), 9, "name", "U0"),
    "ragged_row": (lambda f: f.rows.__setitem__(6, "U0,Unit 0,2005,1"), 7, None, None),
    "repeated_column": (lambda f: f.rows.__setitem__(0, "state,name,year,sales,tax,tax"), 1, "tax", None),
    "empty_file": (lambda f: f.rows.__delitem__(slice(1, None)), 1, None, None),
    "open_quote": (lambda f: f.rows.__setitem__(3, '"U0,Unit 0,2002,1,1,1'), 4, None, None),
    "one_unit": (only_one_unit, None, "state", None),
    "one_period": (only_one_period, None, "year", None),
    "constant": (constant, None, "tax", None),
    "not_identified": (constant_within_units, None, "tax", None),
    "too_few_rows": (too_few_rows, None, None, None),
    "too_few_units": (only_two_units, None, "state", None),
    "no_residual": (explained, None, "sales", None),
}


@pytest.mark.parametrize("kind", DATA_FAULTS)
def test_a_fault_of_the_data_is_told_with_its_place(
    kind: str, folder: StudyFolder, settings: Settings
) -> None:
    spoil, line, column, unit = DATA_FAULTS[kind]
    spoil(folder)
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.line, fault.column, fault.unit) == (kind, line, column, unit)
    assert fault.file == "small/data.csv"
    assert fault.expected
    assert fault.found
    assert fault.advice.endswith((".", "?"))


@pytest.mark.parametrize("value", ["0", "-1", "0.0"])
def test_what_has_no_logarithm_is_a_fault_under_a_log_only(
    value: str, folder: StudyFolder, settings: Settings
) -> None:
    folder.set_cell(6, "tax", value)
    assert [fault.kind for fault in faults_of(folder, settings)] == ["not_positive"]
    folder.text = folder.text.replace(
        'units = "US$", transform = "log"', 'units = "US$", transform = "identity"'
    )
    read_input(folder.write(), settings)


def test_all_faults_of_a_file_are_told_together_in_its_order(folder: StudyFolder, settings: Settings) -> None:
    folder.set_cell(12, "sales", "many")
    folder.set_cell(3, "tax", "")
    folder.set_cell(7, "year", "soon")
    folder.rows.append(folder.rows[20])
    found = [(fault.kind, fault.line) for fault in faults_of(folder, settings)]
    assert found == [("empty_cell", 3), ("not_an_integer", 7), ("not_a_number", 12), ("repeated_row", 50)]


def test_a_repeated_row_names_both_lines(folder: StudyFolder, settings: Settings) -> None:
    folder.rows.append(folder.rows[4].replace(",2003,", ",+2003,"))
    (fault,) = faults_of(folder, settings)
    assert fault.line == 50
    assert "line 5" in fault.found


def test_lines_are_those_an_editor_shows(folder: StudyFolder, settings: Settings) -> None:
    folder.rows[2] = folder.rows[2].replace("Unit 0", '"Unit 0\n"')
    folder.rows.insert(1, "")
    folder.set_cell(10, "tax", "x")
    (fault,) = faults_of(folder, settings)
    assert fault.line == 11
    assert (folder.path / "data.csv").read_text().splitlines()[fault.line - 1].split(",")[4] == "x"


def test_a_column_that_is_not_there_is_guessed(folder: StudyFolder, settings: Settings) -> None:
    folder.rows[0] = folder.rows[0].replace("sales", "Sale")
    (fault,) = faults_of(folder, settings)
    assert fault.advice == 'Did you mean "Sale"?'


def test_a_file_with_semicolons_is_told_as_that(folder: StudyFolder, settings: Settings) -> None:
    folder.rows = [row.replace(",", ";") for row in folder.rows]
    (fault,) = faults_of(folder, settings)
    assert fault.kind == "wrong_delimiter"
    assert "';'" in fault.advice


def test_a_missing_csv_is_told_with_the_ones_that_are_there(folder: StudyFolder, settings: Settings) -> None:
    folder.text = folder.text.replace('"data.csv"', '"dta.csv"')
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.advice) == ("missing_file", 'Did you mean "data.csv"?')


def test_bytes_that_are_not_utf_8_are_told_with_their_line(folder: StudyFolder, settings: Settings) -> None:
    folder.write()
    content = (folder.path / "data.csv").read_bytes().replace(b"U1,Unit 1,2000", b"U1,Unit \xe9,2000")
    (folder.path / "data.csv").write_bytes(content)
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.path, settings)
    assert [(fault.kind, fault.line) for fault in raised.value.faults] == [("wrong_encoding", 10)]


def test_a_control_that_others_determine_is_named(folder: StudyFolder, settings: Settings) -> None:
    collinear_control(folder)
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.column) == ("not_identified", "copy")
    assert "income" in fault.found


@pytest.mark.parametrize(
    ("before", "after", "kind", "line", "key"),
    [
        ('title = "A study"', "title = A study", "malformed_toml", 1, None),
        ('title = "A study"\n', "", "missing_key", None, "title"),
        ('noun = "year"', 'nuon = "year"', "unknown_key", 4, "period.nuon"),
        ("[what_if]", "[waht_if]", "missing_key", None, "what_if"),
        ('sign = "saving"', 'sign = "loss"', "invalid_value", 11, "what_if.sign"),
        ('units = "packs", transform = "log"', 'units = "packs", transform = "ln"', "invalid_value", 5, "outcome.transform"),  # noqa: E501
        ('title = "A study"', "title = 5", "invalid_value", 1, "title"),
        ('file = "data.csv"', 'file = "../data.csv"', "invalid_value", 2, "file"),
        ('column = "tax"', 'column = "sales"', "repeated_column", 6, "treatment.column"),
        ("max = 100", "max = -60", "invalid_range", 10, "what_if.change.min"),
        ("min = -50", "min = -100", "invalid_range", 10, "what_if.change.min"),
        ("max = 100", "max = 1e308", "invalid_value", 10, "what_if.change.max"),
        ("default = 1,", "default = 200,", "invalid_range", 10, "what_if.change.default"),
    ],
)  # fmt: skip
def test_a_fault_of_study_toml_is_told_with_line_and_key(
    before: str,
    after: str,
    kind: str,
    line: int | None,
    key: str | None,
    folder: StudyFolder,
    settings: Settings,
) -> None:
    assert before in folder.text
    folder.text = folder.text.replace(before, after)
    faults = faults_of(folder, settings)
    assert (kind, line, key) in [(fault.kind, fault.line, fault.column) for fault in faults]
    assert {fault.file for fault in faults} == {"small/study.toml"}


@pytest.mark.parametrize(
    ("model", "line", "key"),
    [
        ('errors = "independent"\nslopes = "unit"\neffects = "pooled"', 15, "model.slopes"),
        ('errors = "independent"\neffects = "pooled"\ntrends = true', 16, "model.trends"),
        ('errors = "independent"\neffects = "pooled"\ntails = "student"', 16, "model.tails"),
    ],
)
def test_what_a_model_cannot_have_together_is_refused(
    model: str, line: int, key: str, folder: StudyFolder, settings: Settings
) -> None:
    folder.text += f"\n[model]\n{model}\n"
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.line, fault.column) == ("not_identified", line, key)


def test_errors_that_are_not_offered_are_told_with_those_that_are(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.text += '\n[model]\nerrors = "student-t"\n'
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.column, fault.expected) == (
        "invalid_value",
        "model.errors",
        "'ar1' or 'independent'",
    )


def test_slopes_by_unit_need_units_that_show_one(folder: StudyFolder, settings: Settings) -> None:
    for line in range(2 + 2 * 8, len(folder.rows) + 1):
        folder.set_cell(line, "tax", "1.5")
    folder.text += '\n[model]\nslopes = "unit"\n'
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.column) == ("not_identified", "model.slopes")
    assert "2 such states" in fault.found


def test_trends_need_three_rows_in_each_unit(folder: StudyFolder, settings: Settings) -> None:
    del folder.rows[4:10]
    folder.text += "\n[model]\ntrends = true\n"
    folder.rows = [row for row in folder.rows if not (row.startswith("U3") and int(row.split(",")[2]) > 2001)]
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.column) == ("not_identified", "model.trends")
    assert "2 for U3" in fault.found


def test_a_treatment_along_a_line_is_not_identified_beside_trends(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.text = folder.text.replace(
        'units = "US$", transform = "log"', 'units = "US$", transform = "identity"'
    )
    folder.fill("tax", lambda unit, period: 1 + unit + period * (unit + 1))
    folder.text += "\n[model]\ntrends = true\n"
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.column) == ("not_identified", "tax")


def test_an_outcome_that_trends_give_exactly_is_a_fault(folder: StudyFolder, settings: Settings) -> None:
    folder.text = folder.text.replace('transform = "log"', 'transform = "identity"')
    folder.fill("sales", lambda unit, period: 1 + 3 * unit + period * (unit + 1) + period**2)
    folder.text += "\n[model]\ntrends = true\n"
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.column) == ("no_residual", "sales")
    assert "the trends" in fault.found


def test_a_control_along_a_line_is_not_identified_beside_trends(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.text = folder.text.replace("controls = []", 'controls = ["income"]')
    folder.fill("income", lambda unit, period: 1 + unit + period * (unit + 1))
    folder.text += "\n[model]\ntrends = true\n"
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.column) == ("not_identified", "income")
    assert "model.trends" in fault.advice


def test_what_is_wrong_with_a_lag_points_to_the_key_of_lags(folder: StudyFolder, settings: Settings) -> None:
    # A treatment that doubles every year is as far from that of the year before in every row.
    folder.fill("tax", lambda unit, period: 2**period * (unit + 1))
    folder.text += "\n[model]\nlags = 1\n"
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.file, fault.line, fault.column) == (
        "constant",
        "small/study.toml",
        14,
        "model.lags",
    )
    assert "tax 1 step before" in fault.found
    assert "lags" in fault.advice


def test_beside_pooled_effects_a_treatment_of_one_value_by_unit_is_refused_for_what_holds(
    folder: StudyFolder, settings: Settings
) -> None:
    for line in range(2, len(folder.rows) + 1):
        folder.set_cell(line, "tax", str(1 + (line - 2) // 8))
    folder.text += '\n[model]\neffects = "pooled"\n'
    (fault,) = faults_of(folder, settings)
    assert (fault.kind, fault.column) == ("not_identified", "tax")
    assert fault.advice.startswith("Beside pooled effects too")


def test_an_unknown_key_is_guessed(folder: StudyFolder, settings: Settings) -> None:
    folder.text = folder.text.replace("noun", "nown")
    assert {fault.advice for fault in faults_of(folder, settings)} == {'Did you mean "noun"?'}


def test_a_folder_without_study_toml_is_a_fault(folder: StudyFolder, settings: Settings) -> None:
    folder.path.mkdir()
    with pytest.raises(InvalidInput, match=r"small/study\.toml: found no such file"):
        read_input(folder.path, settings)


def test_a_folder_with_a_name_no_study_can_have_is_a_fault(folder: StudyFolder, settings: Settings) -> None:
    folder.path = folder.path.with_name("Small_Study")
    assert [fault.kind for fault in faults_of(folder, settings)] == ["invalid_name"]
