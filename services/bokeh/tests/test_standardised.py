"""A study in standard deviations, and in number formats of its own, on the whole of the page's words."""

from pathlib import Path

import pytest
from synthetic import make_card, publish

from dashboard.catalogue import Entry
from dashboard.catalogue.trace_file import load_version
from dashboard.reader import Reader
from dashboard.state import ViewState
from dashboard.tables import build_units
from dashboard.versions import LoadedVersion
from dashboard.words import say_dashboard
from tracestore.manifest import NumberFormat, WhatIf
from tracestore.store import TraceStore

CHANGE = 0.5
STATE = ViewState("smoking", None, "CA", CHANGE)


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> LoadedVersion:
    root: Path = tmp_path_factory.mktemp("traces")
    card = make_card()
    in_deviations = {"transform": "standardised", "units": "SD"}
    card = card.model_copy(
        update={
            "outcome": card.outcome.model_copy(update=in_deviations),
            "treatment": card.treatment.model_copy(update=in_deviations),
            "what_if": WhatIf(
                kind="units", default=CHANGE, min=-2, max=2, number=NumberFormat(decimals=3, suffix="!")
            ),
            "sign": "change",
        }
    )
    verified = TraceStore(root).verified(card.name, publish(root, card).version)
    return load_version(verified.manifest, verified.trace)


def test_the_effect_is_the_slope_times_the_change_in_standard_deviations(version: LoadedVersion) -> None:
    effect = version.effect_on("CA", CHANGE, 0.94).effect
    assert effect is not None
    assert effect.mean == pytest.approx(CHANGE * version.slope.mean())


def test_no_effect_is_told_in_percent_of_an_outcome_in_standard_deviations(version: LoadedVersion) -> None:
    table = build_units(version, STATE)
    assert not any("% of the outcome" in column for column in table.columns)


def test_every_number_of_the_effect_has_its_format_and_units(version: LoadedVersion) -> None:
    words = say_dashboard(STATE, version, Entry("smoking"), ())
    for name in ("mean", "low", "high"):
        assert words[f"effect-unit-{name}"].endswith("!")
        assert len(words[f"effect-unit-{name}"].split(".")[1]) == 4
    assert words["effect-unit-units"] == "SD"
    assert "If the state cigarette tax had been 0.5 SD higher" in words["headline"]
    assert "! SD" in words["headline"]
    assert "! SD" in words["units-most"]
    assert "! SD" in words["alt-units"]


def test_hover_texts_and_ticks_of_the_figures_have_it_too(version: LoadedVersion) -> None:
    reader = Reader(lambda _: None)
    reader.show(STATE, version)
    told = [
        text
        for root in reader.roots
        for source in root.select({"name": "units-data"})
        for text in source.data["told"]
    ]
    assert told
    assert all("!" in text and text.endswith("SD") for text in told)
    formats = {
        axis.formatter.format
        for plot in (reader.roots[2], reader.roots[3])
        for axis in plot.below  # type: ignore[attr-defined]
    }
    assert formats == {"0,0.000"}
