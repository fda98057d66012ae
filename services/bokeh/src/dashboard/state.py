"""What a page shows, and its form in the page's address."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from dashboard.traces import Shelf, StudyNow
from dashboard.versions import LoadedVersion
from tracestore.manifest import WhatIf

QUERY_MAX = 2_000
"""Characters of a query that are read; what pages write stays far below."""

QUOTED_MAX = 40
"""Characters of a value that a notice quotes."""

Held = Callable[[str, str], LoadedVersion | None]


@dataclass(frozen=True)
class ViewState:
    """What the reader chose; None where nothing was chosen, or nothing is published to choose from.

    Attributes
    ----------
    study, version, unit
        Names as in the trace store.
    change
        Of the treatment, in percent or in its units as the study card says.
    """

    study: str | None = None
    version: str | None = None
    unit: str | None = None
    change: float | None = None

    def to_query(self) -> str:
        """Give the query string that leads back to this state, without a question mark."""
        parts = {"study": self.study, "version": self.version, "unit": self.unit}
        chosen = [(key, value) for key, value in parts.items() if value is not None]
        if self.change is not None:
            chosen.append(("change", format_change(self.change)))
        return urlencode(chosen, errors="replace")


def format_change(change: float) -> str:
    """Write a number so that reading it gives the same number, without a needless ".0"."""
    return str(int(change)) if change.is_integer() and abs(change) < 1e15 else repr(change)


def read_query(query: str) -> tuple[ViewState, tuple[str, ...]]:
    """Read what a query asks for, whether or not it can be had.

    Unknown keys are left alone, the last of a repeated key counts. Never raises.

    Returns
    -------
    tuple
        The state asked for, and a notice for each value that cannot be read at all.
    """
    if len(query) > QUERY_MAX:
        return ViewState(), ("The address of this page is too long to be read; showing the default.",)
    try:
        asked = dict(parse_qsl(query, errors="replace", max_num_fields=50))
    except ValueError:
        return ViewState(), ("The address of this page cannot be read; showing the default.",)
    state = ViewState(study=asked.get("study"), version=asked.get("version"), unit=asked.get("unit"))
    if "change" not in asked:
        return state, ()
    try:
        change = float(asked["change"])
    except ValueError:
        change = math.nan
    if not math.isfinite(change):
        return state, (f"“{quote(asked['change'])}” is not a number; showing the default change.",)
    return replace(state, change=change), ()


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
        Where nothing is published, version, unit and change stay as asked for: they may exist once it is.
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
    change, more = _settle_change(asked.change, version.manifest.study.what_if)
    return ViewState(now.name, version.name, unit, change), notices + more


def quote(value: str) -> str:
    """Shorten a reader's value for a notice."""
    return value if len(value) <= QUOTED_MAX else value[: QUOTED_MAX - 1] + "…"


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
    return now.current, (f"Version “{quote(asked)}” is not available; showing {now.current.name}.",)


def _settle_unit(asked: str | None, version: LoadedVersion) -> tuple[str, tuple[str, ...]]:
    if asked is not None and asked in version.labels:
        return asked, ()
    default = version.manifest.units[0]
    if asked is None:
        return default.id, ()
    noun = version.manifest.study.unit.noun
    return default.id, (f"There is no {noun} “{quote(asked)}”; showing {default.label}.",)


def _settle_change(asked: float | None, what_if: WhatIf) -> tuple[float, tuple[str, ...]]:
    if asked is None:
        return what_if.default, ()
    if not math.isfinite(asked):
        return what_if.default, ("The change is not a number; showing the default.",)
    kept = min(max(asked, what_if.min), what_if.max)
    if kept == asked:
        return asked, ()
    return kept, (f"A change of {asked:g} is outside {what_if.min:g} to {what_if.max:g}; showing {kept:g}.",)
