"""Downloads hold the posterior, cell by cell, and nothing that a spreadsheet would run."""

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from synthetic import make_card, publish

from conftest import Service, eventually
from dashboard.catalogue.trace_file import load_version
from dashboard.state import ViewState
from dashboard.table_pages import write_json
from dashboard.tables import TABLES, Table, build_effect_unit, build_outcome, build_units, name_file
from dashboard.tiles import COLUMNS, ROWS, STATES, place_units
from dashboard.versions import LoadedVersion
from tracestore.store import TraceStore

STATE = ViewState("smoking", None, "CA", 10.0, compare=("NY",), mass=0.8)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> LoadedVersion:
    root: Path = tmp_path_factory.mktemp("traces")
    card = make_card()
    verified = TraceStore(root).verified(card.name, publish(root, card, by_unit=True).version)
    return load_version(verified.manifest, verified.trace)


def test_effect_table_holds_the_posterior_of_every_unit_shown(version: LoadedVersion) -> None:
    table = build_effect_unit(version, STATE)
    assert table.columns == (
        *("quantity", "saving in California, million US$", "saving in New York, million US$"),
    )
    rows = {row[0]: row[1:] for row in table.rows}
    for place, unit in enumerate(("CA", "NY")):
        effect = version.effect_on(unit, 10.0, 0.8).effect
        assert effect is not None
        assert rows["mean"][place] == effect.mean
        assert rows["80 % interval, lower"][place] == effect.lower
        assert rows["quantile 0.5"][place] == np.median(effect.ordered)


def test_outcome_table_holds_what_is_drawn_with_gaps_left_empty(version: LoadedVersion) -> None:
    table = build_outcome(version, ViewState("smoking", None, "AK", 10.0))
    assert [row[0] for row in table.rows] == list(version.manifest.periods)
    lines = list(csv.reader(io.StringIO(table.to_csv())))
    assert lines[1 + 3][1:] == [""] * (len(table.columns) - 1)
    assert float(lines[1][1]) == version.series_of("AK").outcome[0]


def test_units_are_ranked_and_each_has_its_own_last_period(version: LoadedVersion) -> None:
    rows = build_units(version, STATE).rows
    shares = [row[6] for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert {row[0]: row[2] for row in rows}["AK"] == 2007


def test_csv_comes_back_as_it_was_written() -> None:
    table = Table(("a, b", 'say "x"'), ((1.5, "line\nbreak"), (float("nan"), "plain")))
    assert list(csv.reader(io.StringIO(table.to_csv()))) == [
        ["a, b", 'say "x"'],
        ["1.5", "line\nbreak"],
        ["", "plain"],
    ]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_text_that_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    written = Table(("name",), ((text,),)).to_csv()
    assert next(csv.reader(io.StringIO(written.splitlines()[1])))[0] == f"'{text}"


def test_file_names_have_letters_that_every_file_system_takes(version: LoadedVersion) -> None:
    name = name_file(version, ViewState(unit='a/b "ü"'), "outcome")
    assert name == f"smoking-a-b-----plus-0-percent-{version.name}-outcome.csv"


def test_every_table_is_served_under_a_name_that_tells_study_unit_and_version(shared: Service) -> None:
    for table in TABLES:
        status, text = shared.ask(f"/data/{table}.csv?study=smoking&unit=CA&change=10")
        assert status == 200
        assert len(list(csv.reader(io.StringIO(text)))) > 3


@pytest.mark.parametrize(
    "query", ["study=none", "study=smoking&unit=XX", "study=smoking&change=1e9", "study=smoking&version=abc"]
)
def test_a_table_of_what_does_not_exist_is_refused_in_words(shared: Service, query: str) -> None:
    status, text = shared.ask(f"/data/outcome.csv?{query}")
    assert status == 404
    assert "“" in text or "outside" in text


def test_a_table_of_the_page_has_names_as_text_and_numbers_as_numbers() -> None:
    names = ("04001", "1e5", "'s-Hertogenbosch", "=1+1", "2019")
    made = json.loads(write_json(Table(("name", "effect"), tuple((name, 0.5) for name in names))))
    assert made == {"columns": ["name", "effect"], "rows": [[name, 0.5] for name in names]}
    assert json.loads(write_json(Table(("year", "effect"), ((2019, math.nan),))))["rows"] == [["2019", None]]


def test_the_page_and_programs_get_the_same_numbers(shared: Service) -> None:
    for table in TABLES:
        query = f"{table}.{{}}?study=smoking&unit=CA&change=10"
        _, text = shared.ask("/data/" + query.format("csv"))
        _, made = shared.ask("/data/" + query.format("json"))
        _, *rows = csv.reader(io.StringIO(text))
        shown = [["" if cell is None else str(cell) for cell in row] for row in json.loads(made)["rows"]]
        assert shown == rows, table


def test_names_in_a_file_carry_no_marks_of_direction(shared: Service, study: str) -> None:
    labels = ("شركة", "Alabama", "California", "New York")
    publish(shared.root, make_card(study, f"Directions {study}"), labels=labels)
    eventually(lambda: shared.ask(f"/data/units.csv?study={study}")[0] == 200)
    _, page = shared.ask(f"/?study={study}&unit=AK")
    assert "Saving in \u2068شركة\u2069, 2007" in page
    _, text = shared.ask(f"/data/outcome.csv?study={study}&unit=AK")
    assert "شركة" in text
    assert "\u2068" not in text


def test_an_unknown_table_is_refused(shared: Service) -> None:
    assert shared.ask("/data/secrets.csv")[0] == 404


def test_the_list_of_studies_has_each_with_its_answer_and_picture_and_escapes_titles(shared: Service) -> None:
    status, page = shared.ask("/studies")
    assert status == 200
    assert "Cigarette taxes &amp; &lt;health&gt; spending" in page
    assert 'href="./?study=smoking"' in page
    assert "If the state cigarette tax had been 1" in page
    assert '<svg class="thumbnail"' in page
    assert "<script" not in page


def test_every_state_has_a_tile_of_its_own() -> None:
    assert len(STATES) == len(set(STATES.values())) == 51
    assert all(0 <= column < COLUMNS and 0 <= row < ROWS for column, row in STATES.values())


@pytest.mark.parametrize(
    ("west", "east"), [("CA", "NV"), ("OR", "ID"), ("NY", "MA"), ("AZ", "NM"), ("IL", "IN"), ("PA", "NJ")]
)
def test_neighbours_to_the_east_are_further_east(west: str, east: str) -> None:
    assert STATES[west][0] < STATES[east][0]


def test_units_that_are_not_all_states_have_no_map() -> None:
    assert place_units(["CA", "NY"]) is not None
    assert place_units(["CA", "Bavaria"]) is None
