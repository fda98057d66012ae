"""A data file may be written as its maker's country and program write: what study.toml declares is read."""

import gzip
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from small_study import StudyFolder

from model_worker.data.data_file import read_data
from model_worker.data.panel import Panel, make_panel, read_by_row, read_clean
from model_worker.design.study_input import read_input
from model_worker.settings import Settings
from model_worker.study.definition import read_study
from model_worker.study.faults import InvalidInput
from model_worker.study.periods import PeriodForm, form_of_periods, label_period, number_period
from model_worker.study.read_options import ReadOptions


def panel_of(
    folder: StudyFolder, settings: Settings, content: bytes, read: str, file: str = "data.csv"
) -> Panel:
    """Read other bytes than the folder's own under a table [read]."""
    folder.text = folder.text.replace('"data.csv"', f'"{file}"') + f"\n[read]\n{read}\n"
    folder.write()
    (folder.path / file).write_bytes(content)
    return read_input(folder.path, settings).panel


def assert_same(panel: Panel, other: Panel) -> None:
    assert (panel.units, panel.periods) == (other.units, other.periods)
    for name in ("outcome", "treatment", "controls", "unit_index", "period_index"):
        np.testing.assert_array_equal(getattr(panel, name), getattr(other, name))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "latin-1", "utf-16"])
def test_delimiters_and_encodings_give_the_panel_of_the_plain_file(
    delimiter: str, encoding: str, folder: StudyFolder, settings: Settings
) -> None:
    folder.rows = [
        row.replace("Unit 1", "Côte d'Or €5" if encoding != "latin-1" else "Zürich") for row in folder.rows
    ]
    plain = read_input(folder.write(), settings).panel
    content = "\r\n".join(row.replace(",", delimiter) for row in folder.rows).encode(encoding)
    escaped = delimiter.replace("\t", "\\t")
    read = f'delimiter = "{escaped}"\nencoding = "{encoding}"'
    assert_same(panel_of(folder, settings, content, read), plain)


def test_a_compressed_file_in_another_encoding_is_read(folder: StudyFolder, settings: Settings) -> None:
    plain = read_input(folder.write(), settings).panel
    content = gzip.compress("\n".join(folder.rows).encode("utf-16"))
    assert_same(panel_of(folder, settings, content, 'encoding = "utf-16"', "data.csv.gz"), plain)


def test_a_byte_order_mark_is_no_part_of_the_first_column(folder: StudyFolder, settings: Settings) -> None:
    plain = read_input(folder.write(), settings).panel
    content = b"\xef\xbb\xbf" + "\n".join(folder.rows).encode()
    assert_same(panel_of(folder, settings, content, ""), plain)


@pytest.mark.parametrize(
    ("decimal", "thousands", "format_"),
    [
        (",", None, lambda x: f"{x:.6f}".replace(".", ",")),
        (",", ".", lambda x: f"{x:,.6f}".replace(",", "_").replace(".", ",").replace("_", ".")),
        (",", " ", lambda x: f"{x:,.6f}".replace(",", "\u202f").replace(".", ",")),
        (".", ",", lambda x: f"{x:,.6f}"),
        (".", "'", lambda x: f"{x:,.6f}".replace(",", "'")),
    ],
)
def test_numbers_are_read_as_they_are_declared(
    decimal: str, thousands: str | None, format_: object, folder: StudyFolder, settings: Settings
) -> None:
    assert callable(format_)
    for line in range(2, len(folder.rows) + 1):
        value = float(folder.rows[line - 1].split(",")[3]) * 1000
        folder.set_cell(line, "sales", f"{value:.6f}")
    plain = read_input(folder.write(), settings).panel
    rows = [folder.rows[0].replace(",", ";")]
    for row in folder.rows[1:]:
        unit, name, year, *numbers = row.split(",")
        rows.append(";".join([unit, name, year, *(format_(float(number)) for number in numbers)]))
    read = f'delimiter = ";"\ndecimal = "{decimal}"' + (f'\nthousands = "{thousands}"' if thousands else "")
    assert_same(panel_of(folder, settings, "\n".join(rows).encode(), read), plain)


@pytest.mark.parametrize("cell", ["1,234.5", " 12,345 ", "1234", "-1,234,567e-3"])
def test_grouped_thousands_are_read_as_a_whole(cell: str, folder: StudyFolder, settings: Settings) -> None:
    folder.text = folder.text.replace('transform = "log"', 'transform = "identity"')
    folder.text += '\n[read]\nthousands = ","\n'
    folder.set_cell(4, "sales", f'"{cell}"')
    study = read_study(folder.write())
    whole = read_clean(study, read_data(study))
    assert whole is not None
    assert_same(make_panel(study, whole), make_panel(study, read_by_row(study, read_data(study))))
    folder.set_cell(5, "sales", '"1,23"')
    study = read_study(folder.write())
    assert read_clean(study, read_data(study)) is None


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("1.234,5", "1234.5"),
        ("1234,5", "1234.5"),
        ("-1.234.567", "-1234567"),
        (",5", ".5"),
        ("12.34", None),
        ("1.2345", None),
        ("1.234.56", None),
        ("1,234,5", None),
        ("", None),
    ],
)
def test_thousands_that_do_not_stand_in_threes_are_no_number(cell: str, plain: str | None) -> None:
    assert ReadOptions(decimal=",", thousands=".").plain(cell) == plain


def test_a_number_in_another_notation_is_a_fault_that_says_so(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.set_cell(3, "sales", '"1 234"')
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.write(), settings)
    (fault,) = raised.value.faults
    assert (fault.kind, fault.line) == ("not_a_number", 3)
    assert "thousands" in fault.advice


@pytest.mark.parametrize(
    ("read", "kind", "key"),
    [
        ('decimal = ","\nthousands = ","', "invalid_value", "read"),
        ('delimiter = ":"', "invalid_value", "read.delimiter"),
        ('encoding = "utf8"', "invalid_value", "read.encoding"),
        ('delimeter = ";"', "unknown_key", "read.delimeter"),
    ],
)
def test_a_fault_of_the_notation_is_told_with_its_key(
    read: str, kind: str, key: str, folder: StudyFolder, settings: Settings
) -> None:
    folder.text += f"\n[read]\n{read}\n"
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.write(), settings)
    (fault,) = raised.value.faults
    assert (fault.kind, fault.column) == (kind, key)
    assert fault.line is not None


def test_bytes_that_are_not_of_the_declared_encoding_are_told_with_their_line(
    folder: StudyFolder, settings: Settings
) -> None:
    content = "\n".join(folder.rows).encode().replace(b"Unit 0,2003", b"Unit \x81,2003")
    with pytest.raises(InvalidInput) as raised:
        panel_of(folder, settings, content, 'encoding = "cp1252"')
    assert [(fault.kind, fault.line, fault.found) for fault in raised.value.faults] == [
        ("wrong_encoding", 5, "byte 0x81")
    ]


@pytest.mark.parametrize(
    ("form", "texts", "first", "step"),
    [
        ("year", ["2004", "2005"], 2004, 1),
        ("quarter", ["2004Q4", "2005-Q1", "2005 q2"], 2004 * 4 + 3, 1),
        ("month", ["2004-11", "2004M12", "2005/01", "200502", "2005M3"], 2004 * 12 + 10, 1),
        ("date", ["2004-02-28", "2004-02-29", "2004-03-01"], date(2004, 2, 28).toordinal(), 1),
        ("integer", ["-3", "-2", "-1"], -3, 1),
    ],
)
def test_periods_are_counted_on_the_calendar(
    form: PeriodForm, texts: list[str], first: int, step: int
) -> None:
    assert [number_period(text, form) for text in texts] == list(
        range(first, first + step * len(texts), step)
    )


@pytest.mark.parametrize(
    ("form", "text"),
    [("year", "05"), ("quarter", "2005Q5"), ("month", "2005-13"), ("month", "2005-1"), ("date", "2005-02-29"),
     ("date", "01.02.2005"), ("integer", "2005.0"), ("month", "0000-01")],
)  # fmt: skip
def test_what_is_no_period_of_a_form_is_none(form: PeriodForm, text: str) -> None:
    assert number_period(text, form) is None


@given(st.sampled_from(["year", "quarter", "month", "date"]), st.dates(min_value=date(1000, 1, 1)))
@effort(max_examples=300)
def test_a_label_is_read_back_as_the_period_it_was_made_of(form: PeriodForm, day: date) -> None:
    number = {
        "year": day.year,
        "quarter": day.year * 4 + (day.month - 1) // 3,
        "month": day.year * 12 + day.month - 1,
        "date": day.toordinal(),
    }[form]
    label = label_period(number, form)
    assert number_period(label, form) == number
    assert form_of_periods([label]) == form


def test_quarters_make_a_panel_with_labels(folder: StudyFolder, settings: Settings) -> None:
    for line in range(2, len(folder.rows) + 1):
        place = (line - 2) % 8
        folder.set_cell(line, "year", f"{2000 + place // 4}Q{place % 4 + 1}")
    folder.text = folder.text.replace('noun = "year"', 'noun = "quarter", form = "quarter"')
    panel = read_input(folder.write(), settings).panel
    assert panel.periods == tuple(range(8000, 8008))
    assert panel.period_labels is not None
    assert (panel.period_labels[0], panel.period_labels[-1]) == ("2000 Q1", "2001 Q4")


@pytest.mark.parametrize("form", ["year", "quarter", "month", "date"])
def test_a_cell_that_is_no_period_of_its_form_is_told(
    form: str, folder: StudyFolder, settings: Settings
) -> None:
    folder.text = folder.text.replace('noun = "year"', f'noun = "year", form = "{form}"')
    folder.set_cell(4, "year", "soon")
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.write(), settings)
    assert (f"not_a_{form}", 4) in [(fault.kind, fault.line) for fault in raised.value.faults]


def test_two_texts_of_one_quarter_are_one_row_twice(folder: StudyFolder, settings: Settings) -> None:
    for line in range(2, len(folder.rows) + 1):
        place = (line - 2) % 8
        folder.set_cell(line, "year", f"{2000 + place // 4}Q{place % 4 + 1}")
    folder.set_cell(3, "year", "2000-Q1")
    folder.text = folder.text.replace('noun = "year"', 'noun = "quarter", form = "quarter"')
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.write(), settings)
    assert [(fault.kind, fault.line) for fault in raised.value.faults] == [("repeated_row", 3)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_line_of_a_byte_is_right_wherever_the_blocks_that_are_read_end(
    end: str, folder: StudyFolder, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.text += '\n[read]\nencoding = "cp1252"\n'
    folder.write()
    content = end.join(folder.rows).encode().replace(b"Unit 1,2004", b"Unit \x81,2004")
    (folder.path / "data.csv").write_bytes(content)
    for block in range(1, 40):
        monkeypatch.setattr("model_worker.data.data_file._BLOCK", block)
        with pytest.raises(InvalidInput) as raised:
            read_input(folder.path, settings)
        assert [(fault.kind, fault.line) for fault in raised.value.faults] == [("wrong_encoding", 14)]
