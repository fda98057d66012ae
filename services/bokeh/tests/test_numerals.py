"""Numbers are written as a study asks for, and without that as they always were."""

import numpy as np
import pytest
from bokeh.models import NumeralTickFormatter
from synthetic import PERIODS, make_card

from dashboard.captions import describe_effect, describe_series
from dashboard.estimands import summarise
from dashboard.figures import TimeFigure
from dashboard.headline import say_headline, say_scenario
from dashboard.numerals import MINUS, PLAIN, effect_format, tick_format, write_in_full, write_number
from dashboard.plots import Easel
from dashboard.reach import Beyond
from dashboard.state import ViewState
from dashboard.versions import EffectAnswer
from dashboard.words import say_beyond
from tracestore.manifest import NumberFormat, StudyCard, WhatIf

DOLLARS = NumberFormat(decimals=2, prefix="US$", suffix="m")
BARE = NumberFormat(thousands=False)


def formatted() -> StudyCard:
    card = make_card()
    return card.model_copy(
        update={
            "outcome": card.outcome.model_copy(update={"number": DOLLARS}),
            "treatment": card.treatment.model_copy(update={"number": NumberFormat(decimals=1, suffix="c")}),
            "what_if": WhatIf(kind="units", default=1, min=-5, max=5),
        }
    )


def answer(mean: float) -> EffectAnswer:
    """Return an effect whose draws thin out evenly towards their ends: 90 % are within 0.0684 of the mean."""
    along = np.linspace(-1, 1, 20_001)
    draws = mean + 0.1 * np.sign(along) * (1 - np.sqrt(1 - np.abs(along)))
    return EffectAnswer(2009, 1, summarise(draws, 0.9))


@pytest.mark.parametrize(
    ("value", "form", "written", "in_full"),
    [
        (1234.5678, PLAIN, "1,230", "1,234.568"),
        (-0.012345, PLAIN, f"{MINUS}0.0123", f"{MINUS}0.012"),
        (0.0, PLAIN, "0", "0"),
        (1234.5678, DOLLARS, "US$1,234.57m", "US$1,234.57m"),
        (-40.0, DOLLARS, f"{MINUS}US$40.00m", f"{MINUS}US$40.00m"),
        (-0.001, DOLLARS, "US$0.00m", "US$0.00m"),
        (1234.5678, BARE, "1230", "1234.568"),
        (1234.5678, NumberFormat(decimals=0), "1,235", "1,235"),
    ],
)
def test_a_number_has_the_decimals_and_marks_of_its_format(
    value: float, form: NumberFormat, written: str, in_full: str
) -> None:
    assert write_number(value, form=form) == written
    assert write_in_full(value, form) == in_full


@pytest.mark.parametrize(
    ("form", "expected"),
    [(PLAIN, "0,0.[000]"), (DOLLARS, "0,0.00"), (BARE, "0.[000]"), (NumberFormat(decimals=0), "0,0")],
)
def test_ticks_have_the_decimals_and_thousands_of_their_format(form: NumberFormat, expected: str) -> None:
    assert tick_format(form) == expected


def test_effects_are_written_as_the_outcome_unless_the_study_says_how() -> None:
    card = formatted()
    assert effect_format(card) == DOLLARS
    own = card.what_if.model_copy(update={"number": BARE})
    assert effect_format(card.model_copy(update={"what_if": own})) == BARE


def test_the_sentence_has_the_formats_of_effect_and_treatment() -> None:
    card = formatted().model_copy(update={"sign": "change"})
    sentence, _ = say_headline(card, "Texas", 2, answer(40))
    assert "If the state cigarette tax had been 2c US$ per pack higher" in sentence
    assert "about US$40.00m million US$ higher" in sentence
    assert "interval: US$39.93m to US$40.07m higher" in sentence
    assert say_scenario(card, -0.5).endswith("0.5c US$ per pack lower")


def test_captions_have_the_formats_of_what_they_describe() -> None:
    card = formatted()
    assert "mean US$40.00m" in describe_effect(card, answer(40), ViewState())
    said = describe_series(PERIODS, np.linspace(1, 3, len(PERIODS)), card.treatment)
    assert said.startswith("From 1.0c in 2000 to 3.0c US$ per pack in 2009")


def test_a_treatment_beyond_the_data_is_told_with_its_sign_and_format() -> None:
    card = formatted()
    highest, fall = say_beyond(card, "Texas", (Beyond(-1.25, -1.5, "highest"), Beyond(-3.0, -2.0, "fall")))
    assert f"would be {MINUS}1.2c US$ per pack; no state had more than {MINUS}1.5c." in highest
    assert "larger than 2.0c US$ per pack" in fall


def test_a_figure_writes_its_ticks_and_hover_texts_so() -> None:
    easel = Easel()
    figure, other = (TimeFigure(easel, name, modelled=False) for name in ("one", "two"))
    figure.show(np.array([2000, 2001]), (2000, 2001), np.array([1.0, np.nan]), (), DOLLARS)
    other.show(np.array([2000, 2001]), (2000, 2001), np.array([1.0, 2.0]), ())
    ticks = [
        axis.formatter.format
        for plot in (figure.plot, other.plot)
        for axis in plot.left
        if isinstance(axis.formatter, NumeralTickFormatter)
    ]
    assert ticks == ["0,0.00", "0,0.[000]"]
    assert figure.plot.select_one({"name": "one-data"}).data["told"] == ["US$1.00m", "not a number"]
