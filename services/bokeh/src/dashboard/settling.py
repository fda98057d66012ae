"""From what an address or a widget asks for to what can be shown."""

import math
from collections.abc import Callable
from dataclasses import replace

from dashboard.state import COMPARED_MAX, ViewState, quote
from dashboard.traces import Shelf, StudyNow
from dashboard.versions import LoadedVersion
from tracestore.manifest import WhatIf

Held = Callable[[str, str], LoadedVersion | None]


def settle(asked: ViewState, shelf: Shelf, held: Held) -> tuple[ViewState, tuple[str, ...]]:
    """Turn what was asked for into what can be shown.

    Parameters
    ----------
    asked
        From an address or from a widget, so not to be trusted.
    shelf
        What the volume holds.
    held
        Gives a version that is in memory, or None.

    Returns
    -------
    tuple
        A state whose every part exists, and a notice for each part that does not.
        Where nothing is published, all but the study stays as asked for: it may exist once it is.
    """
    now, notices = _settle_study(asked.study, shelf)
    if now is None:
        return asked, ()
    version, more = _settle_version(asked.version, now, held)
    notices += more
    if version is None:
        return replace(asked, study=now.name), notices
    unit, more = _settle_unit(asked.unit, version)
    notices += more
    compare, more = _settle_compared(asked.compare, unit, version)
    notices += more
    change, more = _settle_change(asked.change, version.manifest.study.what_if)
    state = replace(asked, study=now.name, version=version.name, unit=unit, change=change, compare=compare)
    return state, notices + more


def _settle_study(asked: str | None, shelf: Shelf) -> tuple[StudyNow | None, tuple[str, ...]]:
    if not shelf.studies:
        return None, ()
    found = shelf.find(asked)
    if found is not None:
        return found, ()
    default = next((now for now in shelf.studies if now.current is not None), shelf.studies[0])
    if asked is None:
        return default, ()
    return default, (f"There is no study “{quote(asked)}”; showing “{default.title}”.",)


def _settle_version(
    asked: str | None, now: StudyNow, held: Held
) -> tuple[LoadedVersion | None, tuple[str, ...]]:
    if asked is None or (now.current is not None and now.current.name == asked):
        return now.current, ()
    version = held(now.name, asked)
    if version is not None:
        return version, ()
    if now.current is None:
        return None, ()
    return now.current, (
        f"Version “{quote(asked)}” is not available; showing the current one, {now.current.name}.",
    )


def _settle_unit(asked: str | None, version: LoadedVersion) -> tuple[str, tuple[str, ...]]:
    if asked is not None and asked in version.labels:
        return asked, ()
    default = version.manifest.units[0]
    if asked is None:
        return default.id, ()
    noun = version.manifest.study.unit.noun
    return default.id, (f"There is no {noun} “{quote(asked)}”; showing {default.label}.",)


def _settle_compared(
    asked: tuple[str, ...], unit: str, version: LoadedVersion
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    known = tuple(other for other in asked if other in version.labels and other != unit)
    noun = version.manifest.study.unit.noun
    notices = tuple(
        f"There is no {noun} “{quote(other)}” to compare with."
        for other in asked
        if other not in version.labels
    )
    if len(known) > COMPARED_MAX:
        notices += (f"At most {COMPARED_MAX} are compared with another; the rest is left out.",)
    return known[:COMPARED_MAX], notices


def _settle_change(asked: float | None, what_if: WhatIf) -> tuple[float, tuple[str, ...]]:
    if asked is None:
        return what_if.default, ()
    if not math.isfinite(asked):
        return what_if.default, ("The change is not a number; showing the default.",)
    kept = min(max(asked, what_if.min), what_if.max)
    if kept == asked:
        return asked, ()
    return kept, (f"A change of {asked:g} is outside {what_if.min:g} to {what_if.max:g}; showing {kept:g}.",)
