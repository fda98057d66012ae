"""The studies at one moment, as lists and pages need them; no draws and no manifest are kept."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import override

import numpy as np

from dashboard.estimands import Effect
from dashboard.headline import say_headline
from dashboard.labels import label_card
from dashboard.state import quote
from dashboard.thumbnails import draw_thumbnail
from dashboard.versions import EffectAnswer
from tracestore.manifest import Answer, Manifest, Status


@dataclass(frozen=True)
class Published:
    """A version as lists show it.

    Attributes
    ----------
    headline, certainty
        Its answer to the study's default change; empty for versions fitted by a release without answers.
    thumbnail
        The posterior of that answer, as markup; all else is text.
    extent
        Its units and periods in words.
    """

    version: str
    created_at: datetime
    title: str
    headline: str
    certainty: str
    thumbnail: str
    extent: str


@dataclass(frozen=True)
class Entry:
    """One study: the version served, the state of the worker, the trouble in reading it."""

    name: str
    published: Published | None = None
    previous: str | None = None
    """The version that was served before; pages show it where the draws of the one served are damaged."""
    status: Status | None = None
    trouble: str | None = None

    @property
    def title(self) -> str:
        """Return the study's title, as far as it is known."""
        if self.published is not None:
            return self.published.title
        return self.status.title if self.status is not None else self.name

    @property
    def current(self) -> str | None:
        """Return the name of the version that is served, or None."""
        return self.published.version if self.published is not None else None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All studies at one moment, sorted by name; compared by identity: there is a new one for each change."""

    entries: tuple[Entry, ...] = ()
    trouble: str | None = None
    """Why the store itself cannot be read; the entries are then those of before."""
    front: str | None = None
    """The study that an address without one shows; None for the list of studies."""

    @cached_property
    def _by_name(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self.entries}

    def find(self, study: str | None) -> Entry | None:
        """Return a study by name, or None."""
        return self._by_name.get(study or "")

    def find_missing(self, study: str | None) -> str | None:
        """Return the sentence that there is no such study; None where there is, or where nobody can know yet.

        A study that is asked for before the worker has written anything, or while the store cannot be read,
        may exist.
        """
        if not study or not self.entries or study in self._by_name:
            return None
        return f"There is no study “{quote(study)}” here."


def choose_front(snapshot: Snapshot, default_study: str | None) -> str | None:
    """Choose the study of an address without one: the default, or the only one; None for the list."""
    if snapshot.find(default_study) is not None:
        return default_study
    return snapshot.entries[0].name if len(snapshot.entries) == 1 else None


@dataclass(frozen=True, eq=False)
class RecordedEffect(Effect):
    """An effect as a manifest has it: quantiles in place of draws, and shares around the negligible size."""

    within: float
    above: float

    @override
    def share_between(self, lower: float, upper: float) -> float:
        return self.within if lower < 0 else self.above


def summarize(manifest: Manifest) -> Published:
    """Write the entry of a version in lists."""
    card, periods = label_card(manifest.study), manifest.period_names
    headline = certainty = thumbnail = ""
    if manifest.answer is not None:
        where = f"all {card.unit.nouns}" + (" together" if card.together == "sum" else ", on average,")
        answer, percent = read_answer(manifest.answer), card.what_if.negligible
        negligible = None if percent is None else abs(answer.outcome) * percent / 100
        headline, certainty = say_headline(card, where, card.what_if.default, answer, negligible)
        thumbnail = draw_thumbnail(manifest.answer.quantiles)
    span = f"{periods[0]} to {periods[-1]}" if len(periods) > 1 else str(periods[0])
    extent = f"{len(manifest.units)} {card.unit.nouns}, {span}"
    texts = card.title, headline, certainty, thumbnail, extent
    return Published(manifest.version, manifest.created_at, *texts)


def read_answer(answer: Answer) -> EffectAnswer:
    """Read the answer of a manifest as one that is computed from draws."""
    mean, lower, upper, probability = answer.mean, answer.lower, answer.upper, answer.probability
    if mean is None or lower is None or upper is None or probability is None:
        return EffectAnswer(answer.period, answer.units, None, answer.reason)
    quantiles, shares = np.asarray(answer.quantiles), (answer.within or 0.0, answer.above or 0.0)
    effect = RecordedEffect(mean, lower, upper, probability, quantiles, answer.mass, *shares)
    return EffectAnswer(answer.period, answer.units, effect, outcome=answer.outcome or 0.0)
