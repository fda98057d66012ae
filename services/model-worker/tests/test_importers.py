"""Wide tables and the two raw downloads become one row for each unit and period."""

import csv
from pathlib import Path

import pytest
from raw_download import write_raw
from small_study import REPOSITORY

from model_worker.commands.command_line import app
from model_worker.new_study.csv_sniffing import Sample, sniff
from model_worker.new_study.importers import LONG_TABLES, Source, import_long, reshape_wide
from model_worker.study.faults import InvalidInput
from model_worker.study.schema import schema_of_study

TAX_BURDEN = """\
Year,LocationAbbr,LocationDesc,TopicDesc,SubMeasureDesc,Data_Value,Data_Value_Unit,Data_Value_Footnote_Symbol,Source
2019,NY,New York,The Tax Burden,State Tax per pack,4.35,Dollars,,TBOT
2019,NY,New York,The Tax Burden,Cigarette Consumption (Pack Sales Per Capita),11.6,Packs,,TBOT
2019,US,National,The Tax Burden,State Tax per pack,1.8,Dollars,,TBOT
2019,NC,North Carolina,The Tax Burden,State Tax per pack,0.425,Dollars,*,TBOT
2019,NC,North Carolina,The Tax Burden,Gross Cigarette Tax Revenue,"$239,000,000",Dollars,,TBOT
1970,NC,North Carolina,The Tax Burden,State Tax per pack,No Provision,Dollars,,TBOT
2019,NC,North Carolina,The Tax Burden,Federal and State Tax as a Percentage of Retail Price,25.1,,,TBOT
2005,AK,Alaska,The Tax Burden,State Tax per pack,1.99,Dollars,,TBOT
"""


def sample_of(text: str) -> Sample:
    return sniff(text.encode(), "raw.csv", whole=True)


def kinds_of(invalid: InvalidInput) -> list[str]:
    return [fault.kind for fault in invalid.faults]


def test_a_raw_tax_table_is_read_with_its_texts_footnotes_and_national_rows() -> None:
    table = import_long(sample_of(TAX_BURDEN), "raw.csv", "cdc-tax-burden")
    assert table.header == ["state", "state_name", "year", "state_tax_usd", "packs_per_capita",
                            "gross_state_tax_revenue_usd"]  # fmt: skip
    assert table.rows == [
        ["AK", "Alaska", "2005", "1.99", "", ""],
        ["NC", "North Carolina", "2019", "0.425", "", "239000000"],
        ["NY", "New York", "2019", "4.35", "11.6", ""],
    ]
    assert table.left_out == ["1 national row", '1 figure "No Provision"']


@pytest.mark.parametrize(
    ("source", "study", "column"),
    [
        ("cdc-tax-burden", "cigarette-sales", "packs_per_capita"),
        ("cdc-tax-burden", "cigarette-sales", "state_tax_usd"),
        ("cdc-sae", "smoking-spending", "total_musd"),
    ],
)
def test_the_layout_of_a_download_gives_the_figures_that_ship(
    source: Source, study: str, column: str
) -> None:
    with (REPOSITORY / "studies" / study / f"{study}.csv").open(newline="") as file:
        shipped = list(csv.DictReader(file))
    layout = LONG_TABLES[source]
    (measure,) = [name for name, short in layout.measures.items() if short == column]
    raw = [f"Year,LocationAbbr,LocationDesc,{layout.measure},Data_Value,Data_Value_Footnote"]
    for row in shipped:
        raw.append(f'{row["year"]},{row["state"]},{row["state_name"]},{measure},{row[column]},"a, b"')
        raw.append(f"{row['year']},US,National,{measure},1.5,")
    table = import_long(sample_of("\n".join(raw)), "raw.csv", source)
    expected = sorted([row["state"], row["state_name"], row["year"], row[column]] for row in shipped)
    assert table.rows == expected


def test_the_columns_of_the_real_download_give_the_figures_that_ship(tmp_path: Path) -> None:
    shipped = write_raw(tmp_path / "raw.csv")
    table = import_long(sample_of((tmp_path / "raw.csv").read_text()), "raw.csv", "cdc-tax-burden")
    place = [table.header.index(name) for name in ("state", "year", "packs_per_capita", "state_tax_usd")]
    found = {tuple(row[at] for at in place) for row in table.rows}
    assert found == {
        (row["state"], row["year"], row["packs_per_capita"], row["state_tax_usd"]) for row in shipped
    }
    assert table.left_out == ["1 national row"]


@pytest.mark.parametrize("source", ["cdc-sae", "cdc-tax-burden"])
def test_text_in_the_place_of_figures_is_read_or_left_out_and_counted(source: Source) -> None:
    layout = LONG_TABLES[source]
    measure = next(iter(layout.measures))
    values = ['"1.99"', "0.425", '"""0.425"""', "$1.5", '"1,234.5*"', "No Provision", "No Provision", ""]
    rows = [f"{2000 + place},NY,New York,{measure},{value}" for place, value in enumerate(values)]
    head = f"Year,LocationAbbr,LocationDesc,{layout.measure},Data_Value"
    table = import_long(sample_of("\n".join([head, *rows])), "raw.csv", source)
    assert [row[3] for row in table.rows] == ["1.99", "0.425", "0.425", "1.5", "1234.5"]
    assert table.left_out == ['2 figures "No Provision"', '1 figure ""']


def test_no_row_of_a_download_is_left_out_unseen() -> None:
    with pytest.raises(InvalidInput) as raised:
        sample_of(TAX_BURDEN + "2019,NY\n\n2019,NJ\n")
    lines = TAX_BURDEN.count("\n")
    assert [(fault.kind, fault.line) for fault in raised.value.faults] == [
        ("ragged_row", lines + 1),
        ("ragged_row", lines + 3),
    ]


def test_the_years_of_a_wide_table_become_rows() -> None:
    wide = 'country;code;2000;2001;2002\n"Côte; d";CI;1,5;;3\nB;BB;2;3;5\n'
    table = reshape_wide(sample_of(wide), "wide.csv", "sales", "year")
    assert table.header == ["country", "code", "year", "sales"]
    assert table.rows == [
        ["Côte; d", "CI", "2000", "1.5"],
        ["Côte; d", "CI", "2002", "3"],
        ["B", "BB", "2000", "2"],
        ["B", "BB", "2001", "3"],
        ["B", "BB", "2002", "5"],
    ]
    assert table.left_out == ["1 empty cell"]


def test_several_measures_of_a_wide_table_become_columns() -> None:
    table = reshape_wide(
        sample_of("id,tax_2000Q1,tax_2000Q2,sales_2000Q1\nA,1,2,3\n"), "wide.csv", "value", "quarter"
    )
    assert table.header == ["id", "quarter", "tax", "sales"]
    assert table.rows == [["A", "2000Q1", "1", "3"], ["A", "2000Q2", "2", ""]]


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("a,b\n1,2\n", "v", "not_wide"),
        ("a,2000\n1,2\n", "v", "not_wide"),
        ("a,2000,2001\n1,2,3\n", "a", "repeated_column"),
    ],
)
def test_what_is_not_wide_is_refused(text: str, value: str, kind: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        reshape_wide(sample_of(text), "wide.csv", value, "year")
    assert kinds_of(raised.value) == [kind]


def test_a_download_of_another_layout_is_refused() -> None:
    with pytest.raises(InvalidInput) as raised:
        import_long(sample_of("Year,State\n2000,A\n"), "raw.csv", "cdc-sae")
    assert kinds_of(raised.value) == ["unknown_layout"] * 4
    with pytest.raises(InvalidInput) as raised:
        import_long(sample_of(TAX_BURDEN.replace("SubMeasureDesc", "Variable")), "raw.csv", "cdc-sae")
    assert kinds_of(raised.value) == ["no_measures"]


def test_two_figures_of_one_cell_are_told() -> None:
    again = TAX_BURDEN + "2019,NY,New York,The Tax Burden,State Tax per pack,4.36,Dollars,,TBOT\n"
    with pytest.raises(InvalidInput) as raised:
        import_long(sample_of(again), "raw.csv", "cdc-tax-burden")
    (fault,) = raised.value.faults
    assert (fault.kind, fault.line, fault.unit, fault.period) == ("conflicting_figures", 10, "NY", "2019")


def test_the_commands_write_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "raw.csv").write_text(TAX_BURDEN)
    assert app(["import", "cdc-tax-burden", str(tmp_path / "raw.csv"), str(tmp_path / "tax.csv")]) == 0
    assert (tmp_path / "tax.csv").read_text().startswith("state,state_name,year,state_tax_usd")
    (tmp_path / "wide.csv").write_text("id,2000,2001\nA,1,2\n")
    assert app(["reshape", str(tmp_path / "wide.csv"), str(tmp_path / "long.csv"), "--value", "tax"]) == 0
    assert (tmp_path / "long.csv").read_text() == "id,period,tax\nA,2000,1\nA,2001,2\n"
    assert "left out: 1 national row" in capsys.readouterr().out


def test_the_schema_that_editors_read_is_the_one_that_validates() -> None:
    assert (REPOSITORY / "docs" / "study.schema.json").read_text() == schema_of_study() + "\n"
