"""Descriptions of the figures, in words that change with it, for readers who do not see it."""

from collections.abc import Sequence

import numpy as np

from dashboard.dots import DOTS, stack_dots
from dashboard.estimands import Floats
from dashboard.headline import POSITIVE, list_outcomes
from dashboard.measure import Measure
from dashboard.numerals import effect_format, write_interval, write_number, write_percent, write_probability
from dashboard.state import ViewState
from dashboard.versions import EffectAnswer, LoadedVersion
from tracestore.manifest import StudyCard, Variable


def describe_effect(card: StudyCard, answer: EffectAnswer, state: ViewState) -> str:
    """Describe the posterior of an effect as it is drawn."""
    effect = answer.effect
    if effect is None or effect.is_point:
        return "Nothing is drawn: there is no effect to show."
    low, high, mean = write_interval(effect.lower, effect.upper, effect.mean, form=effect_format(card))
    numbers = f"mean {mean} {card.outcome.units}, {write_percent(effect.mass)} of it from {low} to {high}"
    if state.view == "dots":
        above = int((stack_dots(effect).x > 0).sum())
        return (
            f"{DOTS} dots, each as likely as any other, {above} of them {POSITIVE[card.sign]}; {numbers}. "
            "Strong dots are in the interval, faint ones outside it."
        )
    return f"A density curve: {numbers}. The shaded part is the interval, the dashed line no effect."


def list_shares(card: StudyCard, answer: EffectAnswer, negligible: float | None) -> tuple[str, ...]:
    """Return the probabilities on either side of zero, or of what is negligible where the study says that."""
    effect = answer.effect
    if effect is None or effect.is_point:
        return ()
    outcomes = list_outcomes(card, effect, negligible)
    return tuple(
        f"Probability that it is {what.rstrip(',')}: {write_probability(share)}"
        for what, share in (outcomes[1:] if negligible is None else outcomes)
    )


def describe_series(periods: Sequence[int | str], values: Floats, variable: Variable) -> str:
    """Describe a column over time: its ends and its extremes."""
    known = np.flatnonzero(np.isfinite(values))
    if known.size == 0:
        return "Nothing was observed."
    first, last = known[0], known[-1]
    if np.ptp(values[known]) == 0:
        always = write_number(values[first], form=variable.number)
        return f"{always} {variable.units} from {periods[first]} to {periods[last]}, unchanged."
    least, most = known[np.argmin(values[known])], known[np.argmax(values[known])]
    begin, end, low, high = (
        write_number(values[place], form=variable.number) for place in (first, last, least, most)
    )
    return (
        f"From {begin} in {periods[first]} to {end} {variable.units} in {periods[last]}; "
        f"lowest {low} in {periods[least]}, highest {high} in {periods[most]}."
    )


def describe_outcome(version: LoadedVersion, unit: str, change: float, mass: float) -> str:
    """Describe the outcome over time, and where it would have ended under the change."""
    series = version.series_of(unit)
    variable = version.manifest.study.outcome
    text = describe_series(version.manifest.period_names, series.outcome, variable)
    path = version.path_of(unit, change, mass)
    known = np.flatnonzero(np.isfinite(path.median))
    if known.size == 0:
        return text
    last = known[-1]
    lower, upper, median, observed = write_interval(
        path.lower[last], path.upper[last], path.median[last], series.outcome[last], form=variable.number
    )
    return (
        f"{text} Under the change it would have been {median} in {version.manifest.period_names[last]} "
        f"({write_percent(mass)} interval {lower} to {upper}), where {observed} was observed."
    )


def describe_units(version: LoadedVersion, measure: Measure) -> str:
    """Describe the effects on all units: the extremes, and how many are in doubt."""
    order = measure.rank()
    if order.size == 0:
        return "No effect is defined for this change."
    if not measure.mean[order].any():
        return f"Nothing would have changed in any {version.manifest.study.unit.noun}."
    labels = [unit.label for unit in version.manifest.units]
    first, last = int(order[0]), int(order[-1])
    highest, lowest = (
        f"{write_number(measure.mean[place], form=measure.number)} {measure.units}" for place in (first, last)
    )
    extremes = f"{highest} in each."
    if highest != lowest:
        extremes = f"Highest in {labels[first]}, {highest}; lowest in {labels[last]}, {lowest}."
    return f"{extremes} For {measure.doubtful[order].sum()} of {order.size} the interval holds zero."
