"""The page that lists the studies, each with its answer, and the page for a study that is not among them."""

import json
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

from jinja2 import Environment

from dashboard.assets import PAGE_SHEETS, Assets
from dashboard.catalogue import Entry, Snapshot
from dashboard.fit_words import PHASES, describe_progress
from dashboard.labels import tell_apart

REFRESH_SECONDS = 5
"""Time after which the list is asked for again while a study has nothing published yet."""


@dataclass(frozen=True)
class Listed:
    """One study of the list; `thumbnail` is markup, all else text."""

    title: str
    address: str
    headline: str = ""
    certainty: str = ""
    thumbnail: str = ""
    extent: str = ""


def name_studies(snapshot: Snapshot) -> dict[str, str]:
    """Return the title of each study by its name, told apart where titles repeat."""
    return tell_apart((entry.name, entry.title) for entry in snapshot.entries)


def _describe(entry: Entry, title: str) -> Listed:
    """Describe a study: its answer, or the progress until there is one."""
    address = f"./?{urlencode({'study': entry.name})}"
    published, status = entry.published, entry.status
    if published is not None:
        answer = published.headline, published.certainty
        return Listed(title, address, *answer, published.thumbnail, published.extent)
    if entry.trouble is not None:
        return Listed(title, address, entry.trouble)
    if status is None:
        return Listed(title, address, f"{describe_progress(None)['phase']}.")
    return Listed(title, address, f"{PHASES[status.phase]}; nothing is published yet.")


@lru_cache(maxsize=1)
def list_studies_json(snapshot: Snapshot) -> str:
    """Write name and title of every study, as the pages' select needs them."""
    return json.dumps(list(name_studies(snapshot).items()), ensure_ascii=False)


@lru_cache(maxsize=1)
def render_studies(snapshot: Snapshot, templates: Environment, assets: Assets, replica: str) -> str:
    """Write the list. It asks for itself again while a study has nothing published yet."""
    titles = name_studies(snapshot)
    is_whole = all(entry.published is not None for entry in snapshot.entries)
    return templates.get_template("studies.html").render(
        studies=[_describe(entry, titles[entry.name]) for entry in snapshot.entries],
        trouble=snapshot.trouble,
        refresh=None if is_whole and snapshot.entries else REFRESH_SECONDS,
        assets=assets.urls,
        sheets=PAGE_SHEETS,
        replica=replica,
    )


def render_missing(sentence: str, templates: Environment, assets: Assets, replica: str) -> str:
    """Write the page that answers the address of a study that there is not."""
    return templates.get_template("missing.html").render(
        sentence=sentence, assets=assets.urls, sheets=PAGE_SHEETS, replica=replica
    )
