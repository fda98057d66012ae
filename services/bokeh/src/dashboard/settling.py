"""The part of a request, by an address or a widget, that can be shown."""

import math
from concurrent.futures import Future
from dataclasses import dataclass, replace

from dashboard.catalogue import Catalogue, Entry, Snapshot, VersionCache, VersionUnavailable
from dashboard.state import COMPARED_MAX, UNREADABLE, ViewState, quote, read_pairs, read_query
from dashboard.versions import LoadedVersion
from tracestore.manifest import WhatIf
from tracestore.records import is_version_name


@dataclass(frozen=True)
class Settled:
    """The part of a request that can be shown."""

    state: ViewState
    """Every part of it exists where there is a `version`; else all but the study stays as asked for."""
    entry: Entry | None = None
    """The study; None where there is none of that name, or none at all."""
    version: LoadedVersion | None = None
    """The version to show; None while there is none in memory."""
    wanted: str | None = None
    """The name of a version to be loaded, now or again; after that, another version may be shown."""
    fault: VersionUnavailable | None = None
    """Why the version that is wanted cannot be shown; with a `version`, that one is shown in its place."""
    notices: tuple[str, ...] = ()
    """One for each part that does not exist."""

    @property
    def is_loading(self) -> bool:
        """Return whether nothing can be shown before a version is loaded."""
        return self.version is None and self.wanted is not None and self.fault is None

    @property
    def is_damaged(self) -> bool:
        """Return whether the version that is wanted cannot be shown later either."""
        return self.fault is not None and not self.fault.is_passing


def settle(asked: ViewState, snapshot: Snapshot, versions: VersionCache) -> Settled:
    """Find the part of a request that can be shown; it comes from a browser, and is not to be trusted."""
    entry = snapshot.find(asked.study) if asked.study is not None else _find_first(snapshot)
    if entry is None:
        return Settled(asked)
    found = _find_version(replace(asked, study=entry.name), entry, versions)
    version = found.version
    if version is None:
        return found
    notices = list(found.notices)
    unit = _settle_unit(asked.unit, version, notices)
    compare = _settle_compared(asked.compare, unit, version, notices)
    change = _settle_change(asked.change, version.manifest.study.what_if, notices)
    state = replace(found.state, version=version.name, unit=unit, change=change, compare=compare)
    return replace(found, state=state, notices=tuple(notices))


def request_for(query: str, catalogue: Catalogue, versions: VersionCache) -> Future[None] | None:
    """Start to load the versions that the page of a query needs.

    The future is done once such a page can show a version or a reason; None where it can do so now. It cannot
    be cancelled.
    """
    asked, _ = read_query(query)
    if not settle(asked, catalogue.snapshot, versions).is_loading:
        return None
    ready: Future[None] = Future()
    ready.set_running_or_notify_cancel()

    def go_on(_: object = None, tried: tuple[str, ...] = ()) -> None:
        settled = settle(asked, catalogue.snapshot, versions)
        name, wanted = settled.state.study, settled.wanted
        if not settled.is_loading or name is None or wanted is None or wanted in tried:
            ready.set_result(None)
            return
        loading = versions.request(name, wanted)
        loading.add_done_callback(lambda done: go_on(done, (*tried, wanted)))

    go_on()
    return ready


def find_study_fault(query: str, snapshot: Snapshot) -> str | None:
    """Return the sentence that there is no study of an address's name; None where a page can be shown."""
    if read_pairs(query) is None:
        return f"{UNREADABLE}."
    return snapshot.find_missing(read_query(query)[0].study)


def _find_first(snapshot: Snapshot) -> Entry | None:
    """Return the study of a page that was opened before there was any."""
    published = [entry for entry in snapshot.entries if entry.published is not None]
    return snapshot.find(snapshot.front) or next(iter(published or snapshot.entries), None)


def _find_version(state: ViewState, entry: Entry, versions: VersionCache) -> Settled:
    """Find the version that is asked for, else the one served, or the one before where that is damaged."""
    current, asked = entry.current, state.version
    if current is None:
        found = _look_up(state, entry, asked, versions) if asked is not None else Settled(state, entry)
        return Settled(state, entry) if found.is_damaged else found
    served = _look_up(state, entry, current, versions)
    is_damaged = served.is_damaged
    if asked is not None and asked != current:
        found = _look_up(state, entry, asked, versions)
        if found.is_damaged:
            sentence = f"Version “{quote(asked)}” is not available; showing the current one, {current}."
            served = replace(served, notices=(sentence,))
        elif not (is_damaged and asked == entry.previous and found.version is not None):
            return found
    if not is_damaged or entry.previous is None:
        return served
    before = _look_up(state, entry, entry.previous, versions)
    if before.fault is not None:
        return served
    # The damaged version is retried while the previous one is shown.
    return replace(served, version=before.version) if before.version is not None else before


def _look_up(state: ViewState, entry: Entry, name: str, versions: VersionCache) -> Settled:
    version = versions.held(entry.name, name)
    if version is not None:
        return Settled(state, entry, version)
    if not is_version_name(name):
        return Settled(state, entry, fault=VersionUnavailable("There is no such version."))
    return Settled(state, entry, wanted=name, fault=versions.failure(entry.name, name))


def _settle_unit(asked: str | None, version: LoadedVersion, notices: list[str]) -> str:
    if asked is not None and asked in version.labels:
        return asked
    default, noun = version.manifest.units[0], version.manifest.study.unit.noun
    if asked is not None:
        notices.append(f"There is no {noun} “{quote(asked)}”; showing {default.label}.")
    return default.id


def _settle_compared(
    asked: tuple[str, ...], unit: str, version: LoadedVersion, notices: list[str]
) -> tuple[str, ...]:
    known = tuple(other for other in asked if other in version.labels and other != unit)
    unknown = [other for other in asked if other not in version.labels]
    noun = version.manifest.study.unit.noun
    notices += [f"There is no {noun} “{quote(other)}” to compare with." for other in unknown]
    if len(known) > COMPARED_MAX:
        notices.append(f"At most {COMPARED_MAX} are compared with another; the rest is left out.")
    return known[:COMPARED_MAX]


def _settle_change(asked: float | None, what_if: WhatIf, notices: list[str]) -> float:
    if asked is None:
        return what_if.default
    if not math.isfinite(asked):
        notices.append("The change is not a number; showing the default.")
        return what_if.default
    kept = min(max(asked, what_if.min), what_if.max)
    if kept != asked:
        allowed = f"{what_if.min:g} to {what_if.max:g}"
        notices.append(f"A change of {asked:g} is outside {allowed}; showing {kept:g}.")
    return kept
