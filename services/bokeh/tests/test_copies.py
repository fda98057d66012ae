"""Pages are copies of one that is ready: equal to one made anew, and with nothing in common that changes."""

import gc
import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import ref

import pytest
from bokeh.document import Document
from bokeh.events import ButtonClick
from bokeh.model import Model
from synthetic import load_served, make_card, open_store, publish

from conftest import eventually
from dashboard.catalogue import Catalogue, VersionCache
from dashboard.copies import CannotCopy, PagePart, Prototype, Shared, copy_part
from dashboard.live.internals import SessionDocument
from dashboard.page import Page
from dashboard.plots import Easel
from dashboard.prepared import PreparedPages

QUERIES = (
    "",
    "study=smoking",
    "study=smoking&unit=NY&change=20&mass=0.5",
    "study=smoking&compare=CA&compare=TX&multiples=1",
    "study=another&unit=none-such",
    "study=none-such",
    "study=smoking&version=000000000000",
    "study=smoking&tab=analyst&theme=dark&embed=1",
)

Opened = tuple[Catalogue, VersionCache]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    publish(tmp_path, analysed=True)
    publish(tmp_path, make_card("another", "Another"))
    catalogue, versions = open_store(tmp_path)
    load_served(catalogue, versions)
    return catalogue, versions


def attach(page: Page) -> SessionDocument:
    document = SessionDocument.adopt(Document())
    page.attach(document)
    return document


def write(document: Document) -> str:
    """Write a document, with identifiers that count from the first that is met."""
    text = json.dumps(document.to_json(deferred=False), sort_keys=True)
    numbers: dict[str, str] = {}
    return re.sub(r'"[pc]\d+"', lambda found: numbers.setdefault(found[0], f'"p{len(numbers)}"'), text)


def reach(start: object) -> set[Model]:
    """Return every model that can be reached from an object, but through what pages share."""
    seen, waiting = {id(start): start}, [start]
    while waiting:
        for one in gc.get_referents(waiting.pop()):
            if id(one) not in seen and not isinstance(one, (type, ModuleType, Shared)):
                seen[id(one)] = one
                # Of functions only what they close over: their globals are everything there is.
                waiting += one.__closure__ or () if callable(one) and hasattr(one, "__closure__") else [one]
    return {one for one in seen.values() if isinstance(one, Model)}


def look_around(page: Page, document: SessionDocument) -> None:
    """Change what can be changed."""
    wish: Any = document.get_model_by_name("wish")
    for number, query in enumerate(("unit=TX", "multiples=1&compare=NY", "view=density", "study=another")):
        wish.data = {"query": [query], "number": [str(number)]}


@pytest.mark.parametrize("query", QUERIES)
def test_a_copy_is_what_a_page_made_anew_is(opened: Opened, query: str) -> None:
    copied, made = PreparedPages(*opened).open(query), Page(*opened, query)
    assert write(attach(copied)) == write(attach(made))


def test_a_copy_shares_no_model_with_another(opened: Opened) -> None:
    pages = PreparedPages(*opened)
    one, other = pages.open("study=smoking"), pages.open("study=smoking")
    look_around(one, attach(one))
    look_around(other, attach(other))
    [version] = [version for version in opened[1] if version.manifest.study.name == "smoking"]
    prototype = opened[1].derive(version, pages.prepare)
    found = [reach(each) for each in (one, other, prototype)]
    assert min(map(len, found)) > 100
    assert found[0].isdisjoint(found[1])
    assert (found[0] | found[1]).isdisjoint(found[2])


def test_what_one_visitor_changes_no_other_sees(opened: Opened) -> None:
    pages = PreparedPages(*opened)
    before = write(attach(pages.open("study=smoking")))
    page = pages.open("study=smoking")
    document = attach(page)
    look_around(page, document)
    for model in document.models:
        for values in getattr(model, "data", {}).values():
            if isinstance(values, list):
                values.clear()
    assert write(attach(pages.open("study=smoking"))) == before


@pytest.mark.parametrize("query", ["study=smoking&unit=NY&change=9", "study=smoking&multiples=1&compare=CA"])
def test_a_page_that_turns_to_another_version_is_what_one_made_anew_is(
    tmp_path: Path, opened: Opened, query: str
) -> None:
    page = PreparedPages(*opened).open(query)
    document = attach(page)
    newer = publish(tmp_path, seed=2).version
    eventually(lambda: opened[0].poll().find("smoking").current == newer)  # type: ignore[union-attr]
    switch: Any = document.get_model_by_name("switch")
    document.callbacks.trigger_event(ButtonClick(switch))
    assert write(document) == write(attach(Page(*opened, query)))


class Held(PagePart):
    """A part that holds whatever a test puts into it."""

    def __init__(self, held: object) -> None:
        self.held = held

    def follow(self) -> None:
        """Be somebody's callback."""


@dataclass
class Changeable:
    value: int = 0


@pytest.mark.parametrize("held", [lambda: None, Changeable(), iter(()), [{"deep": object()}]])
def test_what_nobody_has_said_to_be_shared_is_not_copied(held: object) -> None:
    with pytest.raises(CannotCopy):
        copy_part(Held(held))


def test_models_of_an_open_document_are_not_copied() -> None:
    plot = Easel().plot("plot")
    Document().add_root(plot)
    with pytest.raises(CannotCopy, match="in a document"):
        copy_part(Held(plot))


def test_callbacks_of_a_copy_are_its_own() -> None:
    source = Easel().source(x=[1])
    part = Held(source)
    part.follow = part.follow  # type: ignore[method-assign]
    copied = copy_part(part)
    assert copied.follow.__self__ is copied  # type: ignore[attr-defined]
    assert copied.held is not source


def test_a_prototype_is_freed_without_a_collection_and_not_while_it_is_copied() -> None:
    gc.collect()
    gc.disable()
    try:
        source = Easel().source(x=[1])
        models = {source, source.selected, source.selection_policy}
        part = Held(source)
        part.follow = part.follow  # type: ignore[method-assign]
        prototype = Prototype(part, [source])
        gone = [ref(one) for one in (part, *models)]
        copied = prototype.copy()
        del source, models, part, prototype
        assert [one() for one in gone] == [None] * len(gone)
        assert copied.held.data == {"x": [1]}  # type: ignore[attr-defined]
    finally:
        gc.enable()
