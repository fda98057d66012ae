"""The answer in a sentence, against effects whose numbers are known."""

import numpy as np
import pytest
from synthetic import make_card

from dashboard.captions import list_shares
from dashboard.estimands import summarise
from dashboard.headline import lower_first, name_certainty, say_headline
from dashboard.numerals import NARROW
from dashboard.versions import EffectAnswer


def answer(mean: float, spread: float) -> EffectAnswer:
    """Return an effect whose draws thin out evenly towards their ends: 90 % are within 0.684 spreads."""
    along = np.linspace(-1, 1, 20_001)
    draws = mean + spread * np.sign(along) * (1 - np.sqrt(1 - np.abs(along)))
    return EffectAnswer(2009, 1, summarise(draws, 0.9))


@pytest.mark.parametrize(
    ("probability", "word"),
    [
        (1.0, "virtually certain"),
        (0.99, "virtually certain"),
        (0.9899, "extremely likely"),
        (0.95, "extremely likely"),
        (0.9, "very likely"),
        (0.66, "likely"),
        (0.65, "about as likely as not"),
        (0.5, "about as likely as not"),
    ],
)
def test_words_for_probabilities_are_those_of_the_scale(probability: float, word: str) -> None:
    assert name_certainty(probability) == word


def test_a_saving_is_told_as_a_lower_outcome() -> None:
    sentence, certainty = say_headline(make_card(), "California", 10, answer(40, 10))
    assert sentence.replace(NARROW, "") == (
        "If the state cigarette tax had been 10% higher, spending in California in 2009 would have been "
        "about 40.0 million US$ lower (90% interval: 33 to 47 lower)."
    )
    assert certainty.replace(NARROW, "") == (
        "That it is a saving is virtually certain: probability more than 99.9%."
    )


def test_an_interval_over_zero_has_both_directions() -> None:
    card = make_card().model_copy(update={"sign": "change"})
    sentence, certainty = say_headline(card, "Texas", -5, answer(1, 10))
    assert f"5{NARROW}% lower" in sentence
    assert "interval: 6 lower to 8 higher" in sentence
    assert "an increase is about as likely as not" in certainty


def test_the_likelier_side_is_the_one_that_is_named() -> None:
    card = make_card().model_copy(update={"sign": "gain"})
    assert "a loss is very likely" in say_headline(card, "Texas", 5, answer(-6, 10))[1]


def test_an_effect_that_is_likelier_negligible_is_said_to_be_that() -> None:
    card = make_card()
    card = card.model_copy(update={"what_if": card.what_if.model_copy(update={"negligible": 2.0})})
    _, certainty = say_headline(card, "Texas", 5, answer(6, 10), 25.0)
    assert certainty.replace(NARROW, "") == (
        "That it is negligible, less than 2% either way, is virtually certain: probability more than 99.9%."
    )
    _, certainty = say_headline(card, "Texas", 5, answer(6, 1), 0.5)
    assert f"a saving of more than 2{NARROW}% is virtually certain" in certainty


def test_an_effect_after_lags_is_told_as_the_long_run() -> None:
    card = make_card().model_copy(update={"lags": 2})
    assert "in the long run" in say_headline(card, "Texas", 5, answer(1, 1))[0]


def test_no_change_and_no_effect_are_said_plainly() -> None:
    nothing = EffectAnswer(2009, 1, summarise(np.zeros(10)))
    assert "nothing would have changed" in say_headline(make_card(), "Texas", 0, nothing)[0]
    missing = EffectAnswer(2009, 1, None, "Texas is never observed")
    assert say_headline(make_card(), "Texas", 5, missing) == (
        "There is no answer for Texas: Texas is never observed.",
        "",
    )


@pytest.mark.parametrize(
    ("label", "text"), [("State tax", "state tax"), ("GDP", "GDP"), ("X", "X"), ("", "")]
)
def test_labels_lose_their_capital_but_abbreviations_do_not(label: str, text: str) -> None:
    assert lower_first(label) == text


def test_shares_about_what_is_negligible_make_up_the_whole() -> None:
    card = make_card()
    card = card.model_copy(update={"what_if": card.what_if.model_copy(update={"negligible": 1.0})})
    draws = np.concatenate((np.full(10, -5.0), np.linspace(-1, 1, 30), np.full(60, 5.0)))
    shares = list_shares(card, EffectAnswer(2009, 1, summarise(draws), outcome=100.0), 1.0)
    assert [share.replace(NARROW, "").rpartition(": ")[2] for share in shares] == ["60.0%", "30.0%", "10.0%"]
    assert f"a saving of more than 1{NARROW}%" in shares[0]


def test_without_it_the_other_side_of_zero_is_told() -> None:
    shares = list_shares(make_card(), answer(40, 10), None)
    assert len(shares) == 1
    assert shares[0].startswith("Probability that it is an increase: less than 0.1")
