"""A data file is read the same whichever way it is read, and its faults stay few however many there are."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import example, given
from hypothesis import settings as effort
from small_study import STUDY, StudyFolder, make_rows

from model_worker.data.data_file import read_data
from model_worker.data.fault_collector import TOLD
from model_worker.data.panel import Panel, make_panel, read_by_row, read_clean, read_columns
from model_worker.design.study_input import read_input
from model_worker.settings import Settings
from model_worker.study.definition import Study, read_study
from model_worker.study.faults import InvalidInput

UNITS = ["U0", "U1 ", " Ü2", '"U,3"', '"U ""4"""', '"U\n5"', "", '"U0"', '"U"6', 'U"7']
PERIODS = ["2000", "2001", "+2001", " 2002", "02003", "2004.0", "", "0x7D1", '"2005"', "1" * 16, "٢٠٠٦"]
NUMBERS = ["1.5", "2", "+3", ".5", "7.", "1e2", "1E-3", " 4\t", '"5.25"', "-6", "0", "", "nan", "inf", "-INF",
           "1e101", "1e999", "1,5", '"1,5"', "0x10", "1_000", "N/A", "-1e200", "٣", "1e", "."]  # fmt: skip
CLEAN = [UNITS[:6], PERIODS[:2] + PERIODS[3:5], NUMBERS[:5]]
RAGGED = ["", "   ", ",,,,,", " , ,", "a,b", '"', "U0,Unit 0,2000,1,1,1,1", '"U0', "\ufeffU0"]
LINE_ENDS = ["\n", "\r\n", "\r"]


def rows_of(units: list[str], periods: list[str], numbers: list[str]) -> st.SearchStrategy[list[str]]:
    cells = [st.sampled_from(values) for values in (units, ["Unit", "Eine", ""], periods)]
    row = st.tuples(*cells, *[st.sampled_from(numbers)] * 3)
    return st.lists(row.map(",".join), max_size=30)


DAMAGED = st.lists(
    st.one_of(
        rows_of(UNITS, PERIODS, NUMBERS), rows_of(*CLEAN), st.lists(st.sampled_from(RAGGED), max_size=1)
    ),
    max_size=4,
).map(lambda lists: [row for rows in lists for row in rows])
HEADERS = ["state,name,year,sales,tax,income"] * 5 + [
    "\ufeffstate,name,year,sales,tax,income",
    '"state" , name,"year",sales,"tax",income',
    "state,name,year,sales,tax,tax",
    "state,name,yaer,sales,tax,income",
    "\n \nstate,name,year,sales,tax,income",
    'state,"na\nme",year,sales,tax,income',
    '"state,name,year,sales,tax,income',
    "",
]  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_study(StudyFolder(tmp_path_factory.mktemp("studies") / "small").write())


def outcome_of(read: Callable[[], Panel | None]) -> object:
    try:
        panel = read()
    except InvalidInput as invalid:
        return invalid.faults
    if panel is None:
        return None
    arrays = [panel.unit_index, panel.period_index, panel.outcome, panel.treatment, panel.controls]
    return panel.units, panel.periods, [array.tolist() for array in arrays]


def read_both_ways(study: Study, content: bytes) -> tuple[object, object]:
    """Read bytes as a whole, where they are clean, and row by row."""
    (study.folder / study.toml.file).write_bytes(content)
    data = read_data(study)

    def as_a_whole() -> Panel | None:
        columns = read_clean(study, data)
        return None if columns is None else make_panel(study, columns)

    return outcome_of(as_a_whole), outcome_of(lambda: make_panel(study, read_by_row(study, data)))


@given(st.sampled_from(HEADERS), DAMAGED, st.sampled_from(LINE_ENDS), st.booleans())
@example(
    HEADERS[0], ["U0,a,2000,1,1,1", "U0,b,2001,1,1,1", "U1,a,2000,1,1,1", "U1,a,+2000,1,1,1"], "\n", True
)
@effort(max_examples=600, deadline=None)
def test_a_file_read_as_a_whole_is_what_it_is_row_by_row(
    study: Study, header: str, rows: list[str], line_end: str, ended: bool
) -> None:
    text = line_end.join([header, *rows]) + line_end * ended
    whole, by_row = read_both_ways(study, text.encode())
    assert whole in (None, by_row)


CELLS = st.sets(st.tuples(st.sampled_from(CLEAN[0]), st.sampled_from(["2000", " 2001", "02002"])), min_size=2)
PLAIN = st.sampled_from(["1.5", "2", ".5", "7.", "1e2", "1E-3", " 4\t", '"5.25"'])


@given(CELLS, st.lists(PLAIN, min_size=3 * 18, max_size=3 * 18), st.sampled_from(LINE_ENDS))
@effort(max_examples=200, deadline=None)
def test_a_file_without_faults_is_read_as_a_whole(
    study: Study, cells: set[tuple[str, str]], numbers: list[str], line_end: str
) -> None:
    draws = iter(numbers)
    rows = [f"{unit},,{period},{next(draws)},{next(draws)},{next(draws)}" for unit, period in sorted(cells)]
    whole, by_row = read_both_ways(study, line_end.join([HEADERS[0], *rows]).encode())
    alone = min(len({cell[place] for cell in cells}) for place in (0, 1)) == 1
    assert whole == (None if alone else by_row)


def test_quotes_are_told_apart_over_the_blocks_they_are_read_in(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ['"U ""0""",a,2000,1,1,1', '"U,1",b,2000,1,1,1', '"U ""0""",a,2001,1,1,1', '"U,1","b",2001,1,1,1']
    content = "\n".join([HEADERS[0], *rows]).encode()
    for block in range(1, 40):
        monkeypatch.setattr("model_worker.data.csv_bytes._BLOCK", block)
        whole, by_row = read_both_ways(study, content)
        assert whole == by_row
        assert whole is not None
        spoiled, _ = read_both_ways(study, content.replace(b'"U,1"', b'"U"1'))
        assert spoiled is None


def written(folder: StudyFolder, form: str) -> Path:
    """Write the study's rows in another form."""
    folder.text = STUDY.replace("data.csv", f"data{form}")
    folder.write()
    content = (folder.path / "data.csv").read_bytes()
    if form == ".csv.gz":
        content = gzip.compress(content)
    elif form == ".parquet":
        sink = io.BytesIO()
        pa.parquet.write_table(pa.csv.read_csv(io.BytesIO(content)), sink)
        content = sink.getvalue()
    (folder.path / f"data{form}").write_bytes(content)
    return folder.path


@pytest.mark.parametrize("form", [".csv.gz", ".parquet"])
def test_every_form_gives_the_panel_of_the_csv(form: str, folder: StudyFolder, settings: Settings) -> None:
    of_csv = read_input(folder.write(), settings)
    given = read_input(written(folder, form), settings)
    assert (given.panel.units, given.panel.periods) == (of_csv.panel.units, of_csv.panel.periods)
    np.testing.assert_array_equal(given.panel.outcome, of_csv.panel.outcome)
    np.testing.assert_array_equal(given.panel.unit_index, of_csv.panel.unit_index)
    assert given.identity.data_sha256 != of_csv.identity.data_sha256


@pytest.mark.parametrize(("form", "line"), [(".csv.gz", 5), (".parquet", 4)])
def test_a_fault_of_any_form_is_told_with_its_place(
    form: str, line: int, folder: StudyFolder, settings: Settings
) -> None:
    folder.set_cell(5, "tax", "much")
    with pytest.raises(InvalidInput) as raised:
        read_input(written(folder, form), settings)
    (fault,) = raised.value.faults
    assert (fault.kind, fault.line, fault.column, fault.unit) == ("not_a_number", line, "tax", "U0")


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -1.0])
def test_an_unfit_value_of_a_parquet_file_is_told_with_its_row(
    value: float | None, folder: StudyFolder, settings: Settings
) -> None:
    path = written(folder, ".parquet") / "data.parquet"
    table = pa.parquet.read_table(path)
    taxes = table["tax"].to_pylist()
    taxes[6] = value
    pa.parquet.write_table(table.set_column(4, "tax", pa.array(taxes, pa.float64())), path)
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.path, settings)
    kind = {None: "empty_cell", -1.0: "not_positive"}.get(value, "not_finite")
    assert [(fault.kind, fault.line) for fault in raised.value.faults] == [(kind, 7)]


def test_a_category_of_a_parquet_file_that_no_row_has_is_no_unit(
    folder: StudyFolder, settings: Settings
) -> None:
    path = written(folder, ".parquet") / "data.parquet"
    table = pa.parquet.read_table(path)
    states = table["state"].combine_chunks().dictionary_encode()
    more = pa.DictionaryArray.from_arrays(
        states.indices, pa.concat_arrays([states.dictionary, pa.array(["X"])])
    )
    pa.parquet.write_table(table.set_column(0, "state", more), path)
    assert len(read_input(folder.path, settings).panel.units) == 6


def test_a_column_of_lists_is_told_with_its_name(folder: StudyFolder, settings: Settings) -> None:
    path = written(folder, ".parquet") / "data.parquet"
    table = pa.parquet.read_table(path)
    lists = pa.array([[value] for value in table["tax"].to_pylist()])
    pa.parquet.write_table(table.set_column(4, "tax", lists), path)
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.path, settings)
    assert [(fault.kind, fault.column) for fault in raised.value.faults] == [("nested_values", "tax")]


@pytest.mark.parametrize("form", [".csv.gz", ".parquet"])
def test_bytes_that_are_not_of_their_form_are_told(
    form: str, folder: StudyFolder, settings: Settings
) -> None:
    path = written(folder, form)
    content = (path / f"data{form}").read_bytes()
    for spoiled in (b"state,name\n", content[:-20], b""):
        (path / f"data{form}").write_bytes(spoiled)
        with pytest.raises(InvalidInput) as raised:
            read_input(path, settings)
        kind = "not_compressed" if form == ".csv.gz" else "not_parquet"
        expected = "empty_file" if spoiled == b"" and form == ".csv.gz" else kind
        assert [fault.kind for fault in raised.value.faults] == [expected]


def test_a_form_that_is_not_read_is_told_with_those_that_are(folder: StudyFolder, settings: Settings) -> None:
    folder.text = folder.text.replace("data.csv", "data.xlsx")
    folder.write()
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.path, settings)
    (fault,) = raised.value.faults
    assert (fault.kind, fault.file, fault.line, fault.column) == (
        "unknown_form",
        "small/study.toml",
        2,
        "file",
    )
    assert ".csv, .csv.gz or .parquet" in fault.expected


def test_of_many_faults_of_a_sort_the_first_are_told_and_all_are_counted(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.rows = make_rows(200, 8)
    for line in range(2, 1002):
        folder.set_cell(line, "tax", "?")
    folder.set_cell(1500, "sales", "")
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.write(), settings)
    *told, more, last = raised.value.faults
    assert [fault.line for fault in told] == list(range(2, 2 + TOLD))
    assert (more.line, more.kind) == (2 + TOLD, "not_a_number")
    assert (more.found, more.times) == ('"?"', 1000 - TOLD)
    assert (last.kind, last.line) == ("empty_cell", 1500)


def test_the_identity_is_of_the_bytes_that_were_read(folder: StudyFolder, settings: Settings) -> None:
    study = read_study(folder.write())
    data = read_data(study)
    before = make_panel(study, read_columns(study, data))
    folder.set_cell(2, "tax", "99")
    folder.write()
    np.testing.assert_array_equal(make_panel(study, read_columns(study, data)).treatment, before.treatment)
    assert read_data(study).sha256 != data.sha256


def test_a_fit_that_would_not_fit_in_memory_is_refused_with_the_limit(
    folder: StudyFolder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.text += '\n[model]\nslopes = "unit"\n'
    folder.write()
    values = 2 * 6 * settings.chains * settings.draws
    monkeypatch.setattr("model_worker.design.memory_limits.MOST_VALUES", values)
    read_input(folder.path, settings)
    monkeypatch.setattr("model_worker.design.memory_limits.MOST_VALUES", values - 1)
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.path, settings)
    (fault,) = raised.value.faults
    assert (fault.kind, fault.column) == ("too_many_values", "state")
    assert f"{values:,}" in fault.found
    assert f"{values - 1:,}" in fault.expected


def test_too_many_periods_are_refused_with_the_limit(
    folder: StudyFolder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model_worker.design.memory_limits.MOST_PRODUCTS", 15)
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.write(), settings)
    assert [(fault.kind, fault.column) for fault in raised.value.faults] == [("too_many_periods", "year")]
