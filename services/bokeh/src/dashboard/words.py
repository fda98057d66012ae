"""Everything the page says in text, as names and values that its template and script put in place."""

from datetime import UTC
from typing import Literal

from dashboard.fit_words import describe_progress, describe_refit, list_faults, state_reason
from dashboard.numerals import MINUS, NARROW, write_number, write_probability
from dashboard.state import ViewState, format_change
from dashboard.traces import Shelf, StudyNow
from dashboard.versions import EffectAnswer, LoadedVersion
from tracestore.manifest import StudyCard

View = Literal["dashboard", "progress", "problem"]
Words = dict[str, str]

SITE = "Longitude"
DASH = "\N{EN DASH}"
POSITIVE = {"saving": "a saving", "gain": "a gain", "change": "an increase"}
HEADING = {"saving": "Saving", "gain": "Gain", "change": "Change"}

EFFECTS = ("effect-unit", "effect-all")
EFFECT_PARTS = (
    *("heading", "units", "reason", "mean", "mean-value", "low", "low-value", "high", "high-value"),
    *("probability", "probability-value"),
)
NAMES = (
    *("view", "query", "document-title", "title", "notices", "newer", "version", "fitted", "studies"),
    *("change", "positive", "outcome-heading", "treatment-heading"),
    *("problem-heading", "problem-lead", "problems", "phase", "draws", "eta", "progress"),
    *(f"{effect}-{part}" for effect in EFFECTS for part in EFFECT_PARTS),
)
"""Every word there is. A list is one line per item; a line after a tab belongs to the heading above it."""


def say_dashboard(state: ViewState, version: LoadedVersion, now: StudyNow, notices: tuple[str, ...]) -> Words:
    """Give the words of a study that has a version to show.

    Parameters
    ----------
    state
        Settled: its unit and change exist for the version.
    now
        The study at this moment, for what has happened since the version was published.
    """
    card = version.manifest.study
    unit, change = state.unit or "", state.change or 0.0
    one, everyone = version.effect_on(unit, change), version.effect_on_all(change)
    label = version.labels[unit]
    noun = card.unit.noun
    status = now.status
    faults = status.faults if status is not None and status.phase == "invalid" else ()
    trouble = (now.trouble,) if now.trouble else ()
    words = {
        "view": "dashboard",
        "query": state.to_query(),
        "document-title": f"{card.title} {DASH} {label} {DASH} {SITE}",
        "title": card.title,
        "notices": _lines((*notices, *trouble, *describe_refit(status))),
        "newer": _say_newer(version, now),
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
    words |= _say_effect("effect-unit", f"{heading} in {label}, {one.period}", one, card)
    whole = {
        "sum": f"{heading} in all {noun}s together",
        "mean": f"Mean {heading.lower()} over all {noun}s",
    }[card.together]
    words |= _say_effect("effect-all", f"{whole}, {everyone.period}", everyone, card)
    return _complete(words)


def say_waiting(asked: ViewState, now: StudyNow, notices: tuple[str, ...]) -> Words:
    """Give the words of a study of which nothing is published yet: progress, or what is wrong."""
    status = now.status
    words = {
        "query": asked.to_query(),
        "document-title": f"{now.title} {DASH} {SITE}",
        "title": now.title,
        "notices": _lines(notices),
    }
    if now.trouble is not None:
        return _complete(words | _say_problem("This study cannot be shown", now.trouble, ()))
    if status is not None and status.phase == "invalid":
        lead = "Nothing is published for this study yet. It is read again as soon as its files change."
        return _complete(
            words | _say_problem("The study's files have faults", lead, list_faults(status.faults))
        )
    if status is not None and status.phase == "failed":
        return _complete(words | _say_problem("The fit failed", state_reason(status), ()))
    return _complete(words | {"view": "progress"} | describe_progress(status))


def say_empty(asked: ViewState, shelf: Shelf, notices: tuple[str, ...]) -> Words:
    """Give the words of a volume that holds no study yet."""
    words = {"query": asked.to_query(), "document-title": SITE, "title": SITE, "notices": _lines(notices)}
    if shelf.trouble is not None:
        return _complete(words | _say_problem("Nothing can be shown", shelf.trouble, ()))
    return _complete(
        words | {"view": "progress"} | describe_progress(None) | {"phase": "The worker is starting"}
    )


def say_change(card: StudyCard, change: float) -> str:
    """Say the change of the treatment that is asked about."""
    amount = format_change(abs(change)) + (f"{NARROW}%" if card.what_if.kind == "percent" else "")
    if card.what_if.kind == "units":
        amount += f" {card.treatment.units}"
    if change == 0:
        return f"{card.treatment.label} unchanged"
    return f"{card.treatment.label} {'+' if change > 0 else MINUS}{amount}"


def _say_effect(name: str, heading: str, answer: EffectAnswer, card: StudyCard) -> Words:
    words = {"heading": heading, "units": card.outcome.units, "reason": ""}
    effect = answer.effect
    if effect is None:
        words["reason"] = f"Not defined: {answer.reason}."
    else:
        words |= {
            "mean": write_number(effect.mean),
            "mean-value": repr(effect.mean),
            "low": write_number(effect.lower),
            "low-value": repr(effect.lower),
            "high": write_number(effect.upper),
            "high-value": repr(effect.upper),
            "probability": write_probability(effect.probability) if effect.grid.size else DASH,
            "probability-value": repr(effect.probability),
        }
    return {f"{name}-{part}": text for part, text in words.items()}


def _say_newer(version: LoadedVersion, now: StudyNow) -> str:
    if now.current is None or now.current.name == version.name:
        return ""
    if now.current.manifest.created_at < version.manifest.created_at:
        return f"Another version, {now.current.name}, is served now. This page stays on {version.name}."
    return f"A newer version, {now.current.name}, was published. This page stays on {version.name}."


def _say_problem(heading: str, lead: str, lines: tuple[str, ...]) -> Words:
    return {"view": "problem", "problem-heading": heading, "problem-lead": lead, "problems": _lines(lines)}


def _lines(lines: tuple[str, ...]) -> str:
    return "\n".join(dict.fromkeys(lines))


def _complete(words: Words) -> Words:
    return {name: words.get(name, "") for name in NAMES}
