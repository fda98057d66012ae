"""Names of things on a page: told apart where names repeat, each kept to its own direction."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from tracestore.manifest import Axis, Manifest, StudyCard, Unit, Variable

ISOLATE, RELEASE = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
LEFTWARD = {"R", "AL", "AN"}
"""Bidirectional classes (Unicode Annex 9) of what is written from right to left."""

NO_ISOLATES = str.maketrans(dict.fromkeys((ISOLATE, RELEASE)))
"""For `str.translate`: takes isolates away, where programs read and nobody does."""

SHORT = 22
"""Letters of a name beside a plot; with more, little of a plot is left on a telephone."""


def tell_apart(names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the label of each identifier, followed by the identifier where others have the same label."""
    labels = dict(names)
    count = Counter(labels.values())
    return {id_: label if count[label] == 1 else f"{label} ({id_})" for id_, label in labels.items()}


def isolate(name: str) -> str:
    """Keep a name that is written from right to left from reordering the sentence it stands in."""
    if not any(unicodedata.bidirectional(letter) in LEFTWARD for letter in name):
        return name
    return f"{ISOLATE}{name}{RELEASE}"


def name_some(labels: Sequence[str]) -> str:
    """Write up to three labels, and whether there are others."""
    return f"{', '.join(labels[:3])}{' and others' if len(labels) > 3 else ''}"


def shorten(label: str, most: int = SHORT) -> str:
    """Cut a label to so many letters, in its middle: names that begin alike may end differently."""
    if len(label) <= most:
        return label
    end = (most - 1) // 2
    return f"{label[: most - 1 - end]}…{label[-end:]}"


def label_manifest(manifest: Manifest) -> Manifest:
    """Return a manifest with the names that readers see: units told apart, all of them isolated."""
    labels = tell_apart((unit.id, unit.label) for unit in manifest.units)
    units = tuple(Unit(id=id_, label=isolate(label)) for id_, label in labels.items())
    periods = manifest.period_labels and tuple(map(isolate, manifest.period_labels))
    card = label_card(manifest.study)
    return manifest.model_copy(update={"units": units, "study": card, "period_labels": periods})


def label_card(card: StudyCard) -> StudyCard:
    """Return a study card with the names that readers see."""
    source = card.source and isolate(card.source)
    labeled: dict[str, object] = {"title": isolate(card.title), "source": source}
    for name in ("unit", "period"):
        axis: Axis = getattr(card, name)
        names = {"noun": isolate(axis.noun), "plural": isolate(axis.nouns)}
        labeled[name] = axis.model_copy(update=names)
    for name in ("outcome", "treatment"):
        variable: Variable = getattr(card, name)
        names = {"label": isolate(variable.label), "units": isolate(variable.units)}
        labeled[name] = variable.model_copy(update=names)
    return card.model_copy(update=labeled)
