"""Everything the page says in text, as names and values that its template and script put in place."""

from datetime import UTC
from typing import Literal

import numpy as np

from dashboard import analyst
from dashboard.atlas import RANKED_MAX, measure_height
from dashboard.captions import describe_effect, describe_outcome, describe_series, describe_units, list_shares
from dashboard.catalogue import Entry, Snapshot, VersionUnavailable
from dashboard.fit_words import describe_progress, describe_refit, list_faults, state_reason
from dashboard.headline import POSITIVE, lower_first, say_amount, say_headline
from dashboard.multiples import UNITS_MAX
from dashboard.numerals import (
    MINUS,
    NARROW,
    PLAIN,
    effect_format,
    write_interval,
    write_number,
    write_percent,
    write_probability,
)
from dashboard.reach import Beyond
from dashboard.reader import FIGURES
from dashboard.state import CHOICES, SWITCHES, ViewState, format_change, quote
from dashboard.tables import name_file
from dashboard.theme import DASH_NAMES
from dashboard.tiles import place_units
from dashboard.versions import EffectAnswer, LoadedVersion
from tracestore.manifest import StudyCard

View = Literal["dashboard", "loading", "progress", "problem"]
Words = dict[str, str]

SITE = "Longitude"
DASH = "\N{EN DASH}"
HEADING = {"saving": "Saving", "gain": "Gain", "change": "Change"}

EFFECTS = ("effect-unit", "effect-all")
EFFECT_PARTS = (
    *("heading", "units", "reason", "mean", "mean-value", "low", "low-value", "high", "high-value"),
    *("probability", "probability-value", "shares"),
)
NAMES = (
    *("view", "query", "document-title", "title", "notices", "newer", "version", "fitted"),
    *("answered", "study", "unit", "unit-label", "unit-noun"),
    *("change", "positive", "outcome-heading", "treatment-heading", "units-heading", "units-hint"),
    *("units-least", "units-most", "units-height"),
    *("multiples-heading", "headline", "certainty", "beyond", "source", "compared", "compared-effect"),
    *("change-value", "change-min", "change-max", "change-units"),
    *("mass", "mass-value", "shown", "stem", *(f"choice-{key}" for key in CHOICES), *SWITCHES),
    *(f"alt-{figure}" for figure in FIGURES),
    *(
        "loading",
        "problem-heading",
        "problem-lead",
        "problems",
        "missing",
        "phase",
        "draws",
        "eta",
        "progress",
    ),
    *(f"{effect}-{part}" for effect in EFFECTS for part in EFFECT_PARTS),
    *analyst.WORDS,
)
"""Every word there is. A list is one line per item; a line after a tab belongs to the heading above it."""


def say_dashboard(
    state: ViewState,
    version: LoadedVersion,
    entry: Entry,
    notices: tuple[str, ...],
    fault: VersionUnavailable | None = None,
) -> Words:
    """Write the words of a study that has a version to show.

    Parameters
    ----------
    state
        Settled: its unit and change exist for the version.
    entry
        The study at this moment, for what has happened since the version was published.
    fault
        Why another version is shown than the one that is served.
    """
    card = version.manifest.study
    unit, change = state.unit or "", state.change or 0.0
    mass = state.mass
    one, everyone = version.effect_on(unit, change, mass), version.effect_on_all(change, mass)
    label = version.labels[unit]
    status = entry.status
    faults = status.faults if status is not None and status.phase == "invalid" else ()
    trouble: tuple[str, ...] = (entry.trouble,) if entry.trouble else ()
    if fault is not None:
        trouble += (
            f"The version that is served, {entry.current}, cannot be read: {fault} "
            f"You are looking at the one before it, {version.name}.",
        )
    words = {
        "view": "dashboard",
        "unit": unit,
        "unit-label": label,
        "unit-noun": card.unit.noun.capitalize(),
        "document-title": f"{card.title} {DASH} {label} {DASH} {SITE}",
        "title": card.title,
        "notices": _lines((*notices, *trouble, *describe_refit(status, version.name))),
        "newer": _say_newer(version, entry) if fault is None else "",
        "version": version.name,
        "fitted": f"{version.manifest.created_at.astimezone(UTC):%-d %B %Y, %H:%M} UTC",
        "change": say_change(card, change),
        "positive": POSITIVE[card.sign],
        "outcome-heading": f"{card.outcome.label} in {label}, {card.outcome.units}",
        "treatment-heading": f"{card.treatment.label} in {label}, {card.treatment.units}",
        "problems": _lines(list_faults(faults)),
        "problem-heading": "Faults in the study's files" if faults else "",
    }
    heading = HEADING[card.sign]
    words |= _say_choices(state)
    words |= _say_scenario(state, version, one)
    words |= _say_figures(state, version, one, everyone)
    small = (version.negligible(one), version.negligible(everyone))
    words |= _say_effect("effect-unit", f"{heading} in {label}, {one.period}", one, card, small[0])
    whole = {
        "sum": f"{heading} in all {card.unit.nouns} together",
        "mean": f"Mean {heading.lower()} over all {card.unit.nouns}",
    }[card.together]
    words |= _say_effect("effect-all", f"{whole}, {everyone.period}", everyone, card, small[1])
    outside = say_beyond_elsewhere(card, version.beyond_elsewhere(unit, change))
    words["effect-all-shares"] = _lines((*words["effect-all-shares"].splitlines(), *outside))
    return _complete(words)


def say_loading(asked: ViewState, entry: Entry, notices: tuple[str, ...]) -> Words:
    """Write the words of a study whose draws are being read."""
    version = asked.version or entry.current
    return _complete(
        _say_head(asked, entry.title, notices)
        | {"view": "loading", "loading": f"Loading the draws of version {version} …"}
    )


def say_unavailable(
    asked: ViewState, entry: Entry, fault: VersionUnavailable, notices: tuple[str, ...]
) -> Words:
    """Write the words of a study whose draws cannot be had."""
    heading = f"This study cannot be shown{' now' if fault.is_passing else ''}"
    return _complete(_say_head(asked, entry.title, notices) | _say_problem(heading, str(fault)))


def say_missing(asked: ViewState, notices: tuple[str, ...]) -> Words:
    """Write the words of a page whose study is not, or no longer, among those that are published."""
    heading = f"There is no study “{quote(asked.study or '')}” here"
    problem = _say_problem(heading, "It was withdrawn since, or never was one of the studies here.")
    return _complete(_say_head(asked, quote(asked.study or ""), notices) | problem | {"missing": "1"})


def say_waiting(asked: ViewState, entry: Entry, notices: tuple[str, ...]) -> Words:
    """Write the words of a study of which nothing is published yet: progress, or what is wrong."""
    status = entry.status
    words = _say_head(asked, entry.title, notices)
    if entry.trouble is not None:
        return _complete(words | _say_problem("This study cannot be shown", entry.trouble))
    if status is not None and status.phase == "invalid":
        lead = "Nothing is published for this study yet. It is read again as soon as its files change."
        return _complete(
            words | _say_problem("The study's files have faults", lead, list_faults(status.faults))
        )
    if status is not None and status.phase == "failed":
        return _complete(words | _say_problem("The fit failed", state_reason(status)))
    return _complete(words | {"view": "progress"} | describe_progress(status))


def say_fault() -> Words:
    """Write the words of a page that could not be built."""
    lead = "The fault is in the service, not in your request, and is in its log."
    words = {"document-title": SITE, "title": SITE}
    return _complete(words | _say_problem("This page could not be built", lead, ()))


def say_empty(asked: ViewState, snapshot: Snapshot, notices: tuple[str, ...]) -> Words:
    """Write the words of a store that holds no study yet."""
    words = _say_head(asked, SITE, notices)
    if snapshot.trouble is not None:
        return _complete(words | _say_problem("Nothing can be shown", snapshot.trouble))
    return _complete(
        words | {"view": "progress"} | describe_progress(None) | {"phase": "The worker is starting"}
    )


def say_change(card: StudyCard, change: float) -> str:
    """Write the change of the treatment that is asked about."""
    amount = say_amount(card, change)
    if change == 0:
        return f"{card.treatment.label} unchanged"
    return f"{card.treatment.label} {'+' if change > 0 else MINUS}{amount}"


def say_beyond(card: StudyCard, label: str, beyond: tuple[Beyond, ...]) -> tuple[str, ...]:
    """Write where a scenario leaves what the data have seen."""
    units = card.treatment.units
    name, noun, periods = card.treatment.label, card.unit.noun, card.period.nouns
    amount = f"{NARROW}%" if card.what_if.kind == "percent" else f" {units}"
    said = []
    for one in beyond:
        # Where the treatment would be has a sign; how far it would move is told by "rise" and "fall".
        placed = one.what in ("highest", "lowest")
        form = PLAIN if card.what_if.kind == "percent" and not placed else card.treatment.number
        value, limit = (
            write_number(number if placed else abs(number), form=form) for number in (one.value, one.limit)
        )
        said.append(
            {
                "highest": f"{name} in {label} would be {value} {units}; no {noun} had more than {limit}.",
                "lowest": f"{name} in {label} would be {value} {units}; no {noun} had less than {limit}.",
                "rise": f"Within one {noun}, no rise over all {periods} was larger than {limit}{amount}."
                if one.limit
                else f"Within no {noun} was there ever a rise.",
                "fall": f"Within one {noun}, no fall over all {periods} was larger than {limit}{amount}."
                if one.limit
                else f"Within no {noun} was there ever a fall.",
            }[one.what]
        )
    return tuple(said)


def say_beyond_elsewhere(card: StudyCard, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Write in which other units a scenario would leave the values that the data have seen."""
    if not labels:
        return ()
    named = f"{', '.join(labels[:3])}{' and others' if len(labels) > 3 else ''}"
    of_all = f"{len(labels)} other {card.unit.noun if len(labels) == 1 else card.unit.nouns}"
    return (
        f"Beyond the data in {of_all} ({named}), whose {lower_first(card.treatment.label)} would leave the "
        "range that was seen.",
    )


def _say_head(asked: ViewState, title: str, notices: tuple[str, ...]) -> Words:
    return _say_choices(asked) | {
        "document-title": title if title == SITE else f"{title} {DASH} {SITE}",
        "title": title,
        "notices": _lines(notices),
    }


def _say_choices(state: ViewState) -> Words:
    return {
        "query": state.to_query(),
        "study": state.study or "",
        "mass": write_percent(state.mass),
        "mass-value": f"{state.mass:g}",
        **{f"choice-{key}": str(getattr(state, key)) for key in CHOICES},
        **{key: "1" if getattr(state, key) else "" for key in SWITCHES},
    }


def _say_scenario(state: ViewState, version: LoadedVersion, one: EffectAnswer) -> Words:
    card = version.manifest.study
    unit, change = state.unit or "", state.change or 0.0
    label, what_if = version.labels[unit], card.what_if
    headline, certainty = say_headline(card, label, change, one, version.negligible(one))
    beyond = say_beyond(card, label, version.beyond(unit, change))
    return {
        "headline": headline,
        "certainty": certainty,
        "beyond": _lines(beyond),
        "compared-effect": (
            "Those compared are in the density; dots show one effect alone."
            if state.compare and state.view == "dots"
            else _say_compared(state, version)
        ),
        "change-value": format_change(change),
        "change-min": f"{what_if.min:g}",
        "change-max": f"{what_if.max:g}",
        "change-units": "%" if what_if.kind == "percent" else card.treatment.units,
        "compared": _say_compared(state, version),
        "shown": state.to_query(),
        "stem": name_file(version, state, "", "").removesuffix("-."),
        "source": card.source or "",
    }


def _say_compared(state: ViewState, version: LoadedVersion) -> str:
    named = [
        f"{version.labels[unit]} ({line})" for unit, line in zip(state.compare, DASH_NAMES, strict=False)
    ]
    return f"Beside it: {', '.join(named)}." if named else ""


def _say_figures(
    state: ViewState, version: LoadedVersion, one: EffectAnswer, everyone: EffectAnswer
) -> Words:
    card = version.manifest.study
    unit, change, mass = state.unit or "", state.change or 0.0, state.mass
    measure = version.measure(change, mass)
    mapped = place_units(one.id for one in version.manifest.units) is not None
    units, half = len(version.manifest.units), RANKED_MAX // 2
    some = f": the {half} highest and the {half} lowest of {units}, and the chosen one"
    hint = (
        f"Blue above zero, orange below; hatched where the {write_percent(mass)} interval holds zero."
        if mapped
        else f"Mean and {write_percent(mass)} interval, from the highest to the lowest"
        f"{some if units > RANKED_MAX else ''}."
    )
    reach = float(np.nanmax(np.abs(measure.mean), initial=0.0)) if mapped else 0.0
    series = version.series_of(unit)
    periods = version.manifest.period_names
    return {
        "units-heading": f"{HEADING[card.sign]} in each {card.unit.noun}, {measure.units}",
        "units-hint": hint,
        "units-height": str(measure_height(len(version.manifest.units), mapped=mapped)),
        "units-least": f"{write_number(-reach, form=measure.number)} {measure.units}" if reach else "",
        "units-most": f"{write_number(reach, form=measure.number)} {measure.units}" if reach else "",
        "multiples-heading": (
            f"{card.outcome.label} in {_say_how_many(version, card)}, {periods[0]} to {periods[-1]}"
        ),
        "alt-effect-unit": describe_effect(card, one, state),
        "alt-effect-all": describe_effect(card, everyone, state),
        "alt-outcome": describe_outcome(version, unit, change, mass),
        "alt-treatment": describe_series(periods, series.treatment, card.treatment),
        "alt-units": describe_units(version, measure),
        "alt-multiples": "Every cell has a scale of its own, from its lowest value to its highest.",
    }


def _say_effect(
    name: str, heading: str, answer: EffectAnswer, card: StudyCard, negligible: float | None
) -> Words:
    words = {"heading": heading, "units": card.outcome.units, "reason": ""}
    effect = answer.effect
    if effect is None:
        words["reason"] = f"Not defined: {answer.reason}."
    else:
        low, high, mean = write_interval(effect.lower, effect.upper, effect.mean, form=effect_format(card))
        words |= {
            "mean": mean,
            "mean-value": repr(effect.mean),
            "low": low,
            "low-value": repr(effect.lower),
            "high": high,
            "high-value": repr(effect.upper),
            "probability": write_probability(effect.probability) if not effect.is_point else DASH,
            "probability-value": repr(effect.probability),
            "shares": _lines(list_shares(card, answer, negligible)),
        }
    return {f"{name}-{part}": text for part, text in words.items()}


def _say_how_many(version: LoadedVersion, card: StudyCard) -> str:
    units = len(version.manifest.units)
    if units <= UNITS_MAX:
        return f"every {card.unit.noun}"
    return f"the chosen and {UNITS_MAX - 1} others of {units} {card.unit.nouns}"


def _say_newer(version: LoadedVersion, entry: Entry) -> str:
    published = entry.published
    if published is None or published.version == version.name:
        return ""
    if published.created_at < version.manifest.created_at:
        return f"Another version, {published.version}, is served now. This page stays on {version.name}."
    return f"A newer version, {published.version}, was published. This page stays on {version.name}."


def _say_problem(heading: str, lead: str, lines: tuple[str, ...] = ()) -> Words:
    return {"view": "problem", "problem-heading": heading, "problem-lead": lead, "problems": _lines(lines)}


def _lines(lines: tuple[str, ...]) -> str:
    return "\n".join(dict.fromkeys(lines))


def _complete(words: Words) -> Words:
    return {name: words.get(name, "") for name in NAMES}
