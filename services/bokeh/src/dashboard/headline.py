"""The answer in one sentence, and a plain word for how sure it is."""

from dashboard.estimands import Effect
from dashboard.numerals import (
    NARROW,
    effect_format,
    write_as_given,
    write_number,
    write_percent,
    write_probability,
)
from dashboard.state import format_change
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
    """Give the word for a probability of one half or more."""
    return next(word for least, word in SCALE if probability >= least)


def say_amount(card: StudyCard, change: float) -> str:
    """Say how large a change of the treatment is, whichever way it goes."""
    amount = format_change(abs(change))
    if card.what_if.kind == "percent":
        return f"{amount}{NARROW}%"
    return f"{write_as_given(amount, card.treatment.number)} {card.treatment.units}"


def say_scenario(card: StudyCard, change: float) -> str:
    """Say the change as a condition, as in "If the state tax had been 10 % higher"."""
    amount = say_amount(card, change)
    treatment = lower_first(card.treatment.label)
    if change == 0:
        return f"With the {treatment} as it was"
    return f"If the {treatment} had been {amount} {'higher' if change > 0 else 'lower'}"


def say_headline(card: StudyCard, where: str, change: float, answer: EffectAnswer) -> tuple[str, str]:
    """Say what a change does to the outcome, and how sure that is.

    Parameters
    ----------
    where
        The unit, or what all units together are called.

    Returns
    -------
    tuple
        The sentence, and the one that says how sure it is; that is empty where there is no effect.
    """
    effect = answer.effect
    if effect is None:
        return f"There is no answer for {where}: {answer.reason}.", ""
    outcome = lower_first(card.outcome.label)
    scenario = say_scenario(card, change)
    if effect.grid.size == 0:
        return f"{scenario}, nothing would have changed for {where}.", ""
    turn = -1.0 if card.sign == "saving" else 1.0
    mean, low, high = (turn * value for value in (effect.mean, effect.lower, effect.upper))
    low, high = min(low, high), max(low, high)
    form = effect_format(card)
    when = "in the long run, as of" if card.lags else "in"
    sentence = (
        f"{scenario}, {outcome} in {where} {when} {answer.period} would have been about "
        f"{write_number(abs(mean), form=form)} {card.outcome.units} {_direction(mean)} "
        f"({write_percent(effect.mass)} interval: {_say_interval(low, high, form)})."
    )
    return sentence, say_certainty(card, effect)


def say_certainty(card: StudyCard, effect: Effect) -> str:
    """Say which way the effect goes, and how sure that is."""
    named = POSITIVE if effect.probability >= 0.5 else NEGATIVE
    probability = max(effect.probability, 1 - effect.probability)
    what = named[card.sign]
    word = name_certainty(probability)
    return f"That it is {what} is {word}: probability {write_probability(probability)}."


def lower_first(label: str) -> str:
    """Put a label into the middle of a sentence; what looks like an abbreviation keeps its capital."""
    return label if len(label) < 2 or not label[1].islower() else label[0].lower() + label[1:]


def _direction(value: float) -> str:
    return "higher" if value > 0 else "lower"


def _say_interval(low: float, high: float, form: NumberFormat) -> str:
    least, most = (write_number(abs(end), form=form) for end in (low, high))
    if low >= 0:
        return f"{least} to {most} higher"
    if high <= 0:
        return f"{most} to {least} lower"
    return f"{least} lower to {most} higher"
