"""Pages are copies of one that is ready: equal to one made anew, and with nothing in common that changes."""

import gc
import json
import re
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent
from bokeh.events import ButtonClick
from bokeh.model import Model
from bokeh.protocol.messages.patch_doc import patch_doc
from synthetic import make_card, publish

from dashboard.analyst import make_sections
from dashboard.copies import CannotCopy, PagePart, copy_part
from dashboard.holdings import collect_models, drop_empty
from dashboard.page import Page
from dashboard.plots import Easel
from dashboard.prepared import PreparedPages
from dashboard.session_document import SessionDocument
from dashboard.traces import TraceCache
from dashboard.writing import Patch
from tracestore.store import TraceStore

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


@pytest.fixture
def cache(tmp_path: Path) -> TraceCache:
    publish(tmp_path, analysed=True)
    publish(tmp_path, make_card("another", "Another"))
    cache = TraceCache(TraceStore(tmp_path))
    cache.poll()
    return cache


def attach(page: Page) -> SessionDocument:
    document = SessionDocument.adopt(Document())
    page.attach(document)
    return document


def renumber(text: str) -> str:
    """Let identifiers count from the first that is met."""
    numbers: dict[str, str] = {}
    return re.sub(r'"p\d+"', lambda found: numbers.setdefault(found[0], f'"p{len(numbers)}"'), text)


def write(document: Document, how: type[Document] = SessionDocument) -> str:
    """Write a document, with identifiers that count from the first that is met."""
    return renumber(json.dumps(how.to_json(document, deferred=False), sort_keys=True))


def reach(start: object) -> set[Model]:
    """Give every model that can be reached from an object at all, by whatever refers to it."""
    seen, waiting = {id(start): start}, [start]
    while waiting:
        for one in gc.get_referents(waiting.pop()):
            if id(one) not in seen and not isinstance(one, (type, ModuleType)):
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
def test_a_copy_is_what_a_page_made_anew_is(cache: TraceCache, query: str) -> None:
    copied, made = PreparedPages(cache).open(query), Page(cache, query)
    assert write(attach(copied)) == write(attach(made))


def test_a_copy_shares_no_model_with_another(cache: TraceCache) -> None:
    pages = PreparedPages(cache)
    one, other = pages.open("study=smoking"), pages.open("study=smoking")
    look_around(one, attach(one))
    look_around(other, attach(other))
    ready = pages._find("smoking")
    found = [reach(each) for each in (one, other, ready)]
    assert min(map(len, found)) > 100
    assert found[0].isdisjoint(found[1])
    assert (found[0] | found[1]).isdisjoint(found[2])


def test_what_one_visitor_changes_no_other_sees(cache: TraceCache) -> None:
    pages = PreparedPages(cache)
    before = write(attach(pages.open("study=smoking")))
    page = pages.open("study=smoking")
    document = attach(page)
    look_around(page, document)
    for model in document.models:
        for values in getattr(model, "data", {}).values():
            if isinstance(values, list):
                values.clear()
    assert write(attach(pages.open("study=smoking"))) == before


def test_a_newer_version_is_prepared_anew_and_the_old_one_let_go(tmp_path: Path, cache: TraceCache) -> None:
    pages = PreparedPages(cache)
    old = weakref.ref(pages.open("study=smoking"))
    (held,) = (weakref.ref(version) for version, _ in pages._ready.values())
    newer = publish(tmp_path, seed=2).version
    cache.poll()
    assert pages.open("study=smoking").describe()["version"] == newer
    cache._asked_for.clear()
    gc.collect()
    assert old() is None
    assert held() is None


@pytest.mark.parametrize("query", ["study=smoking&unit=NY&change=9", "study=smoking&multiples=1&compare=CA"])
def test_a_page_that_turns_to_another_version_is_what_one_made_anew_is(
    tmp_path: Path, cache: TraceCache, query: str
) -> None:
    page = PreparedPages(cache).open(query)
    document = attach(page)
    publish(tmp_path, seed=2)
    cache.poll()
    switch: Any = document.get_model_by_name("switch")
    switch._trigger_event(ButtonClick(switch))
    assert write(document) == write(attach(Page(cache, query)))


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


def count_containers(models: Iterable[Model]) -> int:
    """Count the values that models have because nobody gave them any."""
    return sum(len(model._unstable_default_values) for model in models)


def full_documents(cache: TraceCache) -> Iterable[SessionDocument]:
    """Give documents with everything that pages ever show in them."""
    for query in QUERIES:
        page = Page(cache, query)
        document = attach(page)
        look_around(page, document)
        yield document
    (smoking,) = (now.current for now in cache.shelf.studies if now.name == "smoking")
    assert smoking is not None
    document = SessionDocument.adopt(Document())
    for _, children in make_sections(smoking):
        for child in children:
            document.add_root(child)
    yield document


def test_what_is_written_and_found_is_what_bokeh_writes_and_finds(cache: TraceCache) -> None:
    for document in full_documents(cache):
        found = collect_models(document.roots)
        assert found == set(document.models)
        drop_empty(found)
        before = count_containers(found)
        ours = write(document)
        assert count_containers(found) == before, "writing makes none"
        assert ours == write(document, Document)
        assert found == set().union(*(root.references() for root in document.roots))


def test_what_is_sent_of_a_change_is_what_bokeh_sends(cache: TraceCache) -> None:
    (smoking,) = (now.current for now in cache.shelf.studies if now.name == "smoking")
    assert smoking is not None
    sent = []
    for how in (patch_doc, Patch):
        events: list[DocumentPatchedEvent] = []
        document = attach(Page(cache, "study=another&unit=NY"))
        document.models.flush_synced()
        document.callbacks._change_callbacks.clear()
        document.on_change(events.append)
        look_around(Page(cache, ""), document)
        [column] = [root for root in document.roots if root.name == "analyst-chains"]
        column.children = list(dict(make_sections(smoking))["analyst-chains"])  # type: ignore[attr-defined]
        texts = [how.create([event]).content_json for event in events if hasattr(event, "to_serializable")]
        assert len(texts) > 10
        sent.append(renumber("\n".join(texts)).splitlines())
    assert sent[0] == sent[1]
