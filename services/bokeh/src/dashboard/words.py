"""The texts of a page, as names and values that its template and script put in place."""

from datetime import UTC

import numpy as np

from dashboard import analyst
from dashboard.atlas import RANKED_MAX, measure_height
from dashboard.captions import describe_effect, describe_outcome, describe_series, describe_units, list_shares
from dashboard.catalogue import Entry, Snapshot, VersionUnavailable
from dashboard.fit_words import describe_progress, describe_refit, list_faults, state_reason
from dashboard.headline import POSITIVE, lower_first, say_amount, say_headline
from dashboard.labels import name_some
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
from dashboard.settling import Settled
from dashboard.state import CHOICES, SWITCHES, ViewState, format_change, quote
from dashboard.tables import name_file
from dashboard.theme import DASH_NAMES
from dashboard.tiles import place_units
from dashboard.versions import EffectAnswer, LoadedVersion
from tracestore.manifest import StudyCard

Words = dict[str, str]

SITE = "Longitude"
DASH = "\N{EN DASH}"
HEADING = {"saving": "Saving", "gain": "Gain", "change": "Change"}

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
    *("loading", "problem-heading", "problem-lead", "problems", "missing"),
    *("phase", "draws", "eta", "progress"),
    *(f"{effect}-{part}" for effect in ("effect-unit", "effect-all") for part in EFFECT_PARTS),
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
    """Write the words of a study that has a version to show, and of the events since it was published.

    The state is settled. `fault` is why another version is shown than the one that is served.
    """
    card = version.manifest.study
    unit, change, mass = state.unit or "", state.change or 0.0, state.mass
    one, everyone = version.effect_on(unit, change, mass), version.effect_on_all(change, mass)
    label = version.labels[unit]
    status = entry.status
    faults = status.faults if status is not None and status.phase == "invalid" else ()
    if entry.trouble:
        notices += (entry.trouble,)
    if fault is not None:
        notices += (
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
        "notices": _lines((*notices, *describe_refit(status, version.name))),
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
    heading, nouns = HEADING[card.sign], card.unit.nouns
    mean = card.together == "mean"
    whole = f"Mean {heading.lower()} over all {nouns}" if mean else f"{heading} in all {nouns} together"
    words |= _say_choices(state)
    words |= _say_scenario(state, version, one)
    words |= _say_figures(state, version, one, everyone)
    words |= _say_effect("effect-unit", f"{heading} in {label}", one, version)
    words |= _say_effect("effect-all", whole, everyone, version)
    outside = say_beyond_elsewhere(card, version.beyond_elsewhere(unit, change))
    words["effect-all-shares"] = _lines((*words.get("effect-all-shares", "").splitlines(), *outside))
    return _complete(words)


def say_without_version(settled: Settled, snapshot: Snapshot, notices: tuple[str, ...]) -> Words:
    """Write the words of a page that has no version to show: a problem, or the progress to one."""
    asked, entry, fault = settled.state, settled.entry, settled.fault
    title, status = (entry.title, entry.status) if entry is not None else (SITE, None)
    if entry is None and asked.study is not None and snapshot.entries:
        title = quote(asked.study)
        lead = "It was withdrawn since, or never was one of the studies here."
        words = _say_problem(f"There is no study “{title}” here", lead) | {"missing": "1"}
    elif entry is None and snapshot.trouble is not None:
        words = _say_problem("Nothing can be shown", snapshot.trouble)
    elif entry is None:
        words = describe_progress(None) | {"view": "progress", "phase": "The worker is starting"}
    elif fault is not None:
        words = _say_problem(f"This study cannot be shown{' now' if fault.is_passing else ''}", str(fault))
    elif settled.is_loading:
        version = asked.version or entry.current
        words = {"view": "loading", "loading": f"Loading the draws of version {version} …"}
    elif entry.trouble is not None:
        words = _say_problem("This study cannot be shown", entry.trouble)
    elif status is not None and status.phase == "invalid":
        lead = "Nothing is published for this study yet. It is read again as soon as its files change."
        words = _say_problem("The study's files have faults", lead, list_faults(status.faults))
    elif status is not None and status.phase == "failed":
        words = _say_problem("The fit failed", state_reason(status))
    else:
        words = describe_progress(status) | {"view": "progress"}
    head = title if title == SITE else f"{title} {DASH} {SITE}"
    texts = {"document-title": head, "title": title, "notices": _lines(notices)}
    return _complete(_say_choices(asked) | texts | words)


def say_fault() -> Words:
    """Write the words of a page that could not be built."""
    lead = "The fault is in the service, not in your request, and is in its log."
    problem = _say_problem("This page could not be built", lead)
    return _complete({"document-title": SITE, "title": SITE} | problem)


def say_change(card: StudyCard, change: float) -> str:
    """Write the change of the treatment that is asked about."""
    if change == 0:
        return f"{card.treatment.label} unchanged"
    return f"{card.treatment.label} {'+' if change > 0 else MINUS}{say_amount(card, change)}"


def say_beyond(card: StudyCard, label: str, beyond: tuple[Beyond, ...]) -> tuple[str, ...]:
    """Write where a scenario leaves the range of the data."""
    treatment, noun = card.treatment, card.unit.noun
    by_percent = card.what_if.kind == "percent"
    said = []
    for one in beyond:
        if one.what in ("highest", "lowest"):
            value, limit = (write_number(number, form=treatment.number) for number in (one.value, one.limit))
            placed = f"{treatment.label} in {label} would be {value} {treatment.units}"
            side = "more" if one.what == "highest" else "less"
            said.append(f"{placed}; no {noun} had {side} than {limit}.")
        elif one.limit:
            limit = write_number(abs(one.limit), form=PLAIN if by_percent else treatment.number)
            most = f"{limit}{NARROW}%" if by_percent else f"{limit} {treatment.units}"
            span = f"over all {card.period.nouns}"
            said.append(f"Within one {noun}, no {one.what} {span} was larger than {most}.")
        else:
            said.append(f"Within no {noun} was there ever a {one.what}.")
    return tuple(said)


def say_beyond_elsewhere(card: StudyCard, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Write in which other units a scenario would leave the range of the data."""
    if not labels:
        return ()
    of_all = f"{len(labels)} other {card.unit.noun if len(labels) == 1 else card.unit.nouns}"
    treatment = lower_first(card.treatment.label)
    where = f"Beyond the data in {of_all} ({name_some(labels)})"
    return (f"{where}, whose {treatment} would leave the range that was seen.",)


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
    lines = zip(state.compare, DASH_NAMES, strict=False)
    named = ", ".join(f"{version.labels[other]} ({line})" for other, line in lines)
    compared = f"Beside it: {named}." if named else ""
    alone = "Those compared are in the density; dots show one effect alone."
    return {
        "headline": headline,
        "certainty": certainty,
        "beyond": _lines(say_beyond(card, label, version.beyond(unit, change))),
        "compared-effect": alone if compared and state.view == "dots" else compared,
        "change-value": format_change(change),
        "change-min": f"{what_if.min:g}",
        "change-max": f"{what_if.max:g}",
        "change-units": "%" if what_if.kind == "percent" else card.treatment.units,
        "compared": compared,
        "shown": state.to_query(),
        "stem": name_file(version, state, "", "").removesuffix("-."),
        "source": card.source or "",
    }


def _say_figures(
    state: ViewState, version: LoadedVersion, one: EffectAnswer, everyone: EffectAnswer
) -> Words:
    card = version.manifest.study
    unit, change, mass = state.unit or "", state.change or 0.0, state.mass
    measure = version.measure(change, mass)
    mapped = place_units(one.id for one in version.manifest.units) is not None
    units, half = len(version.manifest.units), RANKED_MAX // 2
    if mapped:
        reach = float(np.nanmax(np.abs(measure.mean), initial=0.0))
        hint = f"Blue above zero, orange below; hatched where the {write_percent(mass)} interval holds zero."
    else:
        reach = 0.0
        some = f": the {half} highest and the {half} lowest of {units}, and the chosen one"
        shown = some if units > RANKED_MAX else ""
        hint = f"Mean and {write_percent(mass)} interval, from the highest to the lowest{shown}."
    every = f"every {card.unit.noun}"
    if units > UNITS_MAX:
        every = f"the chosen and {UNITS_MAX - 1} others of {units} {card.unit.nouns}"
    periods = version.manifest.period_names
    return {
        "units-heading": f"{HEADING[card.sign]} in each {card.unit.noun}, {measure.units}",
        "units-hint": hint,
        "units-height": str(measure_height(units, mapped=mapped)),
        "units-least": f"{write_number(-reach, form=measure.number)} {measure.units}" if reach else "",
        "units-most": f"{write_number(reach, form=measure.number)} {measure.units}" if reach else "",
        "multiples-heading": f"{card.outcome.label} in {every}, {periods[0]} to {periods[-1]}",
        "alt-effect-unit": describe_effect(card, one, state),
        "alt-effect-all": describe_effect(card, everyone, state),
        "alt-outcome": describe_outcome(version, unit, change, mass),
        "alt-treatment": describe_series(periods, version.series_of(unit).treatment, card.treatment),
        "alt-units": describe_units(version, measure),
        "alt-multiples": "Every cell has a scale of its own, from its lowest value to its highest.",
    }


def _say_effect(name: str, heading: str, answer: EffectAnswer, version: LoadedVersion) -> Words:
    card, effect = version.manifest.study, answer.effect
    words = {"heading": f"{heading}, {answer.period}", "units": card.outcome.units}
    if effect is None:
        words["reason"] = f"Not defined: {answer.reason}."
    else:
        values = {"low": effect.lower, "high": effect.upper, "mean": effect.mean}
        words |= zip(values, write_interval(*values.values(), form=effect_format(card)), strict=True)
        words["probability"] = write_probability(effect.probability) if not effect.is_point else DASH
        values["probability"] = effect.probability
        words |= {f"{part}-value": repr(value) for part, value in values.items()}
        words["shares"] = _lines(list_shares(card, answer, version.negligible(answer)))
    return {f"{name}-{part}": text for part, text in words.items()}


def _say_newer(version: LoadedVersion, entry: Entry) -> str:
    published = entry.published
    if published is None or published.version == version.name:
        return ""
    newer = f"A newer version, {published.version}, was published."
    if published.created_at < version.manifest.created_at:
        newer = f"Another version, {published.version}, is served now."
    return f"{newer} This page stays on {version.name}."


def _say_problem(heading: str, lead: str, lines: tuple[str, ...] = ()) -> Words:
    return {"view": "problem", "problem-heading": heading, "problem-lead": lead, "problems": _lines(lines)}


def _lines(lines: tuple[str, ...]) -> str:
    return "\n".join(dict.fromkeys(lines))


def _complete(words: Words) -> Words:
    return {name: words.get(name, "") for name in NAMES}
