"""The studies at one moment, as lists and pages need them; no draws and no manifest are kept."""

from dataclasses import dataclass, field
from datetime import datetime

from dashboard.headline import Numbers, say_numbers
from dashboard.labels import label_card
from dashboard.state import quote
from dashboard.thumbnails import draw_thumbnail
from tracestore.manifest import Manifest, Status, StudyCard


@dataclass(frozen=True)
class Published:
    """A version as lists show it.

    Attributes
    ----------
    headline, certainty
        Its answer to the study's default change; empty where the manifest has no answer, as those of versions
        fitted by an earlier release.
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
    """One study: what is served, what the worker does, what could not be read.

    Attributes
    ----------
    previous
        The version that was served before; pages show it where the draws of the one served are damaged.
    """

    name: str
    published: Published | None = None
    previous: str | None = None
    status: Status | None = None
    trouble: str | None = None

    @property
    def title(self) -> str:
        """The study's title, as far as it is known."""
        if self.published is not None:
            return self.published.title
        return self.status.title if self.status is not None else self.name

    @property
    def current(self) -> str | None:
        """The version that is served, or None."""
        return self.published.version if self.published is not None else None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All studies at one moment; compared by identity, as there is a new one for each change.

    Attributes
    ----------
    entries
        Sorted by name.
    trouble
        Why the store itself cannot be read; the entries are then those of before.
    front
        The study that an address without one shows; None for the list of studies.
    """

    entries: tuple[Entry, ...] = ()
    trouble: str | None = None
    front: str | None = None
    _by_name: dict[str, Entry] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {entry.name: entry for entry in self.entries})

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


def summarize(manifest: Manifest) -> Published:
    """Write what lists say of a version."""
    card, periods, answer = label_card(manifest.study), manifest.period_names, manifest.answer
    headline = certainty = thumbnail = ""
    if answer is not None:
        numbers = Numbers.of_answer(answer)
        change = card.what_if.default
        headline, certainty = say_numbers(
            card, say_everyone(card), change, answer.period, numbers or answer.reason
        )
        thumbnail = draw_thumbnail(answer.quantiles)
    span = f"{periods[0]} to {periods[-1]}" if len(periods) > 1 else str(periods[0])
    return Published(
        version=manifest.version,
        created_at=manifest.created_at,
        title=card.title,
        headline=headline,
        certainty=certainty,
        thumbnail=thumbnail,
        extent=f"{len(manifest.units)} {card.unit.nouns}, {span}",
    )


def say_everyone(card: StudyCard) -> str:
    """Say what all units together are called in a sentence."""
    return f"all {card.unit.nouns}" + (" together" if card.together == "sum" else ", on average,")
