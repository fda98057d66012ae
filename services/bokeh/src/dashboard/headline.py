"""The answer in one sentence, and a plain word for how sure it is."""

import numpy as np

from dashboard.estimands import Effect
from dashboard.numerals import (
    MINUS,
    NARROW,
    effect_format,
    write_as_given,
    write_interval,
    write_percent,
    write_probability,
)
from dashboard.state import write_change
from dashboard.versions import EffectAnswer
from tracestore.manifest import NumberFormat, StudyCard

SCALE = (
    (0.99, "virtually certain"),
    (0.95, "extremely likely"),
    (0.90, "very likely"),
    (0.66, "likely"),
    (0.0, "about as likely as not"),
)
"""Words for probabilities from so much on: the likelihood scale of the IPCC's guidance note for its authors
(Mastrandrea et al. 2010), from its even odds upwards."""

POSITIVE = {"saving": "a saving", "gain": "a gain", "change": "an increase"}
NEGATIVE = {"saving": "an increase", "gain": "a loss", "change": "a decrease"}


def name_certainty(probability: float) -> str:
    """Return the word for a probability of one half or more."""
    return next(word for least, word in SCALE if probability >= least)


def say_amount(card: StudyCard, change: float) -> str:
    """Write how large a change of the treatment is, whichever way it goes."""
    amount = write_change(abs(change))
    if card.what_if.kind == "percent":
        return f"{amount}{NARROW}%"
    return f"{write_as_given(amount, card.treatment.number)} {card.treatment.units}"


def say_scenario(card: StudyCard, change: float) -> str:
    """Write the change as a condition, as in "If the state tax had been 10 % higher"."""
    treatment = lower_first(card.treatment.label)
    if change == 0:
        return f"With the {treatment} as it was"
    return f"If the {treatment} had been {say_amount(card, change)} {'higher' if change > 0 else 'lower'}"


def say_headline(
    card: StudyCard, where: str, change: float, answer: EffectAnswer, negligible: float | None = None
) -> tuple[str, str]:
    """Write the effect of a change on a unit or on all, and how sure it is.

    `negligible` is as for `say_certainty`; the second sentence is empty where there is no effect.
    """
    effect = answer.effect
    if effect is None:
        return f"There is no answer for {where}: {answer.reason}.", ""
    outcome, scenario = lower_first(card.outcome.label), say_scenario(card, change)
    if effect.is_point:
        return f"{scenario}, nothing would have changed for {where}.", ""
    turn = -1.0 if card.sign == "saving" else 1.0
    low, high = sorted((turn * effect.lower, turn * effect.upper))
    mean = turn * effect.mean
    form = effect_format(card)
    *_, size = write_interval(low, high, abs(mean), form=form)
    when = "in the long run, as of" if card.lags else "in"
    sentence = (
        f"{scenario}, {outcome} in {where} {when} {answer.period} would have been about "
        f"{size} {card.outcome.units} {'higher' if mean > 0 else 'lower'} "
        f"({write_percent(effect.mass)} interval: {_say_interval(low, high, form)})."
    )
    return sentence, say_certainty(card, effect, negligible)


def say_certainty(card: StudyCard, effect: Effect, negligible: float | None) -> str:
    """Write which way the effect goes, or that it is negligible if that is likelier, and how sure that is.

    Effects between minus `negligible` and `negligible` count as none; it is None where the study names none.
    """
    what, probability = max(list_outcomes(card, effect, negligible), key=lambda outcome: outcome[1])
    word = name_certainty(probability)
    return f"That it is {what} is {word}: probability {write_probability(probability)}."


def list_outcomes(card: StudyCard, effect: Effect, negligible: float | None) -> tuple[tuple[str, float], ...]:
    """Return the outcomes that the effect may have, from best to worst, with their probabilities."""
    up, down = POSITIVE[card.sign], NEGATIVE[card.sign]
    if negligible is None:
        return (up, effect.probability), (down, 1 - effect.probability)
    percent = f"{card.what_if.negligible:g}{NARROW}%"
    within = effect.share_between(-negligible, negligible)
    above = effect.share_between(np.nextafter(negligible, np.inf), np.inf)
    return (
        (f"{up} of more than {percent}", above),
        (f"negligible, less than {percent} either way,", within),
        (f"{down} of more than {percent}", max(0.0, 1 - above - within)),
    )


def lower_first(label: str) -> str:
    """Put a label into the middle of a sentence; what looks like an abbreviation keeps its capital."""
    return label if len(label) < 2 or not label[1].islower() else label[0].lower() + label[1:]


def _say_interval(low: float, high: float, form: NumberFormat) -> str:
    if low >= 0:
        return f"{' to '.join(write_interval(low, high, form=form))} higher"
    if high <= 0:
        return f"{' to '.join(write_interval(-high, -low, form=form))} lower"
    below, above = write_interval(low, high, form=form)
    return f"{below.removeprefix(MINUS)} lower to {above} higher"
