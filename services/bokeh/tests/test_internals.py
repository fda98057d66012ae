"""Documents written with private names of Bokeh are as stock Bokeh writes them, without making defaults."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bokeh.document.document as document_module
import bokeh.model.util as model_util
import pytest
from bokeh.core.has_props import HasProps
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent
from bokeh.model import Model, collect_models
from bokeh.models import Column
from synthetic import make_card, publish, tell

from conftest import SERVICE
from dashboard.application_state import ApplicationState, make_state
from dashboard.live import internals
from dashboard.live.messages import PROTOCOL
from dashboard.page import Page
from dashboard.settings import Settings

QUERIES = (
    "study=smoking",
    "study=smoking&unit=NY&change=20&mass=0.5",
    "study=smoking&compare=CA&compare=AL&multiples=1",
    "study=smoking&view=dots",
    "study=smoking&tab=analyst&theme=dark&embed=1",
    "study=another&unit=none-such",
    "study=waiting",
    "study=none-such",
)
"""Every kind of page: dashboards with all figures, a fit in progress, a problem."""


@contextmanager
def stock_bokeh() -> Iterator[None]:
    """Undo `internals.install` for as long as the context lasts."""
    HasProps.query_properties_with_values = internals.STOCK_QUERY  # type: ignore[method-assign]
    model_util.visit_immediate_value_references = internals.STOCK_VISIT
    vars(document_module)["gc"] = internals.STOCK_GC
    try:
        yield
    finally:
        internals.install()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApplicationState]:
    internals.install()
    root: Path = tmp_path_factory.mktemp("traces")
    published = [publish(root, analysed=True), publish(root, make_card("another", "Another"))]
    tell(root, "sampling", study="waiting")
    made = make_state(Settings(traces_dir=root), SERVICE)
    made.catalogue.poll()
    for manifest in published:
        made.versions.request(manifest.study.name, manifest.version).result(60)
    yield made
    made.versions.close()


def attach(page: Page) -> Document:
    document = internals.SessionDocument.adopt(Document())
    page.attach(document)
    return document


def attach_to_stock(page: Page) -> Document:
    document = Document()
    page.attach(document)
    return document


def renumber(text: str) -> str:
    """Renumber identifiers in the order in which they appear."""
    numbers: dict[str, str] = {}
    return re.sub(r'"[pc]\d+"', lambda found: numbers.setdefault(found[0], f'"p{len(numbers)}"'), text)


def write(document: Document) -> str:
    return json.dumps(document.to_json(deferred=False), sort_keys=True)


def count_held(models: set[Model]) -> int:
    """Count the properties of models that have a value."""
    everything = lambda descriptor: True  # noqa: E731
    return sum(
        len(model.query_properties_with_values(everything, include_defaults=False)) for model in models
    )


@pytest.mark.parametrize("query", QUERIES)
def test_document_is_written_as_stock_bokeh_writes_it(state: ApplicationState, query: str) -> None:
    document = attach(Page(state.catalogue, state.versions, query))
    ours, found = write(document), set(collect_models(*document.roots))
    held = count_held(found)
    assert write(document) == ours
    assert count_held(found) == held, "writing makes no default"
    with stock_bokeh():
        assert write(document) == ours
        assert (
            set(collect_models(*document.roots))
            == found
            == set(document.models) - {*document.config.references()}
        )


def list_patches(state: ApplicationState, attach: Callable[[Page], Document]) -> tuple[list[str], int]:
    """Change what a reader can change; return the events that are sent of it, and in how many messages."""
    events: list[DocumentPatchedEvent] = []
    document = attach(Page(state.catalogue, state.versions, "study=another&unit=NY"))
    document.models.flush_synced()
    document.on_change(events.append)
    wish, chains = document.get_model_by_name("wish"), document.get_model_by_name("analyst-chains")
    assert isinstance(chains, Column)
    for number, query in enumerate(("unit=CA", "multiples=1&compare=NY", "view=dots", "study=smoking")):
        wish.update(data={"query": [query], "number": [str(number)]})
    chains.children = [attach_free(state)]
    messages = [
        PROTOCOL.create("PATCH-DOC", [event]) for event in events if hasattr(event, "to_serializable")
    ]
    written = [event for message in messages for event in json.loads(message.content_json)["events"]]
    return renumber("\n".join(map(json.dumps, written))).splitlines(), len(messages)


def attach_free(state: ApplicationState) -> Model:
    """Make a figure that is in no document."""
    page = Page(state.catalogue, state.versions, "study=smoking&multiples=1")
    [figure] = [root for root in page.roots if root.name == "outcome"]
    return figure


def test_changes_are_sent_as_stock_bokeh_sends_them_in_a_message_each(state: ApplicationState) -> None:
    ours, messages = list_patches(state, attach)
    with stock_bokeh():
        stock, _ = list_patches(state, attach_to_stock)
    assert ours == stock
    assert len(ours) > 10
    assert messages == 9, "four wishes, all that follows from each, and a column's new child"


def test_install_is_the_same_done_twice() -> None:
    internals.install()
    before = HasProps.query_properties_with_values
    internals.install()
    assert HasProps.query_properties_with_values is before


def test_a_page_that_opens_on_the_analysts_tab_begins_to_fill_it(state: ApplicationState) -> None:
    [filling] = attach(Page(state.catalogue, state.versions, "study=smoking&tab=analyst")).session_callbacks
    assert callable(filling.callback)
    assert not attach(Page(state.catalogue, state.versions, "study=smoking")).session_callbacks
