"""The page that lists the studies, each with its answer; made anew for each visit from what is in memory."""

import asyncio
from dataclasses import dataclass
from typing import Any, override
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from dashboard.addresses import TooMuch
from dashboard.assets import PAGE_SHEETS
from dashboard.fit_words import PHASES, describe_progress
from dashboard.headline import say_headline
from dashboard.labels import tell_apart
from dashboard.process import Process, running
from dashboard.secured import SecuredHandler
from dashboard.thumbnails import draw_thumbnail
from dashboard.traces import StudyNow
from dashboard.versions import LoadedVersion


@dataclass(frozen=True)
class Entry:
    """What the list says of one study; `thumbnail` is markup, all else text."""

    title: str
    address: str
    headline: str
    certainty: str = ""
    thumbnail: str = ""
    extent: str = ""


def describe_studies(studies: tuple[StudyNow, ...]) -> tuple[Entry, ...]:
    """Describe each study: its answer, or what is happening until there is one."""
    titles = tell_apart((now.name, now.title) for now in studies)
    return tuple(_describe(now, titles[now.name]) for now in studies)


def _describe(now: StudyNow, title: str) -> Entry:
    address = f"/?{urlencode({'study': now.name})}"
    if now.current is not None:
        headline, certainty, thumbnail, extent = _sum_up(now.current)
        return Entry(title, address, headline, certainty, thumbnail, extent)
    if now.status is None:
        return Entry(title, address, now.trouble or describe_progress(None)["phase"] + ".")
    return Entry(title, address, now.trouble or f"{PHASES[now.status.phase]}; nothing is published yet.")


_summaries: WeakKeyDictionary[LoadedVersion, tuple[str, str, str, str]] = WeakKeyDictionary()
"""Once per process and version, and no longer than the version is held."""


def _sum_up(version: LoadedVersion) -> tuple[str, str, str, str]:
    if version not in _summaries:
        _summaries[version] = _summarise(version)
    return _summaries[version]


def _summarise(version: LoadedVersion) -> tuple[str, str, str, str]:
    manifest = version.manifest
    card, periods = manifest.study, manifest.period_names
    change = card.what_if.default
    answer = version.effect_on_all(change)
    where = f"all {card.unit.nouns}" + (" together" if card.together == "sum" else ", on average,")
    headline, certainty = say_headline(card, where, change, answer, version.negligible(answer))
    thumbnail = draw_thumbnail(answer.effect) if answer.effect is not None else ""
    span = f"{periods[0]} to {periods[-1]}" if len(periods) > 1 else str(periods[0])
    return headline, certainty, thumbnail, f"{len(manifest.units)} {card.unit.nouns}, {span}"


class StudiesHandler(SecuredHandler):
    """Answers ``/studies``: no session, no script."""

    @override
    def initialize(self, **_of_every_bokeh_handler: Any) -> None:
        """Take what Bokeh gives to each of its handlers, and leave it."""

    @override
    async def get(self) -> None:
        process = running()
        address = process.addresses.find(self.request.remote_ip)
        try:
            async with address.answering(address.changes):
                self.finish(await asyncio.to_thread(write_list, process))
        except TooMuch:
            self.send_too_much()

    head = get


def write_list(process: Process) -> str:
    """Write the page. What is new of a version takes its time: not for the event loop."""
    shelf = process.cache.shelf
    return process.templates.get_template("studies.html").render(
        studies=describe_studies(shelf.studies),
        trouble=shelf.trouble,
        assets=process.assets.urls,
        sheets=PAGE_SHEETS,
        replica=process.settings.replica,
    )
