"""What each figure shows, in words that change with it, for readers who do not see it."""

from collections.abc import Sequence

import numpy as np

from dashboard.atlas import Measure
from dashboard.dots import DOTS, stack_dots
from dashboard.estimands import Floats
from dashboard.headline import NEGATIVE, POSITIVE
from dashboard.numerals import effect_format, write_number, write_percent, write_probability
from dashboard.state import ViewState
from dashboard.versions import EffectAnswer, LoadedVersion
from tracestore.manifest import StudyCard, Variable


def describe_effect(card: StudyCard, answer: EffectAnswer, state: ViewState) -> str:
    """Describe the posterior of an effect as it is drawn."""
    effect = answer.effect
    if effect is None or effect.grid.size == 0:
        return "Nothing is drawn: there is no effect to show."
    mean, lower, upper = (
        write_number(value, form=effect_format(card)) for value in (effect.mean, effect.lower, effect.upper)
    )
    numbers = f"mean {mean} {card.outcome.units}, {write_percent(effect.mass)} of it from {lower} to {upper}"
    if state.view == "dots":
        above = int((stack_dots(effect).x > 0).sum())
        return (
            f"{DOTS} dots, each as likely as any other, {above} of them {POSITIVE[card.sign]}; {numbers}. "
            "Dark dots are in the interval."
        )
    return f"A density curve: {numbers}. The shaded part is the interval, the dashed line no effect."


def list_shares(card: StudyCard, answer: EffectAnswer, negligible: float | None) -> tuple[str, ...]:
    """Give the probabilities on either side of zero, or of what is negligible where the study says that."""
    effect = answer.effect
    if effect is None or effect.grid.size == 0:
        return ()
    if negligible is None:
        return (f"Probability of {NEGATIVE[card.sign]}: {write_probability(1 - effect.probability)}",)
    percent = card.what_if.negligible
    within = effect.share_between(-negligible, negligible)
    above = effect.share_between(np.nextafter(negligible, np.inf), np.inf)
    return (
        f"Probability of {POSITIVE[card.sign]} of more than {percent:g} %: {write_probability(above)}",
        f"Negligible, less than {percent:g} % either way: {write_probability(within)}",
        f"Probability of {NEGATIVE[card.sign]} of more than {percent:g} %: "
        f"{write_probability(max(0.0, 1 - above - within))}",
    )


def describe_series(periods: Sequence[int | str], values: Floats, variable: Variable) -> str:
    """Describe a column over time: its ends and its extremes."""
    known = np.flatnonzero(np.isfinite(values))
    if known.size == 0:
        return "Nothing was observed."
    first, last = known[0], known[-1]
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
    median, lower, upper = (
        write_number(one[last], form=variable.number) for one in (path.median, path.lower, path.upper)
    )
    return (
        f"{text} Under the change it would have been {median} in {version.manifest.period_names[last]} "
        f"({write_percent(mass)} interval {lower} to {upper})."
    )


def describe_units(version: LoadedVersion, measure: Measure) -> str:
    """Describe the effects on all units: the extremes, and how many are in doubt."""
    order = measure.rank()
    if order.size == 0:
        return "No effect is defined for this change."
    labels = [unit.label for unit in version.manifest.units]
    first, last = int(order[0]), int(order[-1])
    doubtful = int(measure.doubtful[order].sum())
    largest, smallest = (write_number(measure.mean[place], form=measure.number) for place in (first, last))
    return (
        f"Largest in {labels[first]}, {largest} {measure.units}; smallest in "
        f"{labels[last]}, {smallest} {measure.units}. "
        f"For {doubtful} of {order.size} the interval holds zero."
    )
