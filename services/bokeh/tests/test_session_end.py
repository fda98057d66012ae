"""What is left of a session once it has ended: nothing, and nothing had to be collected for it."""

import asyncio
import gc
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MethodType, SimpleNamespace
from typing import Any, cast
from weakref import WeakSet

import pytest
from bokeh.application import Application
from bokeh.core.types import ID
from bokeh.document import Document
from bokeh.model import Model
from bokeh.server.connection import ServerConnection
from bokeh.server.contexts import ApplicationContext
from bokeh.server.session import ServerSession
from synthetic import make_card, publish
from synthetic import tell as tell_store

from conftest import SERVICE
from dashboard.addresses import Addresses
from dashboard.admission import Admission
from dashboard.application import PageBuilder, read_theme
from dashboard.assets import Assets
from dashboard.health import Health
from dashboard.page import Page
from dashboard.process import Process
from dashboard.session_document import SessionDocument
from dashboard.settings import Settings
from dashboard.templates import load_templates
from dashboard.traces import TraceCache
from dashboard.trial import try_every
from tracestore.store import TraceStore

SESSIONS = 4


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> PageBuilder:
    root: Path = tmp_path_factory.mktemp("traces")
    publish(root)
    publish(root, make_card("another", "Another"))
    cache = TraceCache(TraceStore(root))
    cache.poll()
    settings = Settings(traces_dir=root)
    process = Process(
        settings,
        cache,
        Health(),
        Admission(settings.sessions_max),
        Addresses(settings.address_share),
        Assets.find(SERVICE),
        load_templates(SERVICE),
    )
    made = PageBuilder(process, read_theme(SERVICE))
    assert try_every(process, made) is None
    return made


@contextmanager
def without_collection() -> Iterator[None]:
    """Fail if anything is collected meanwhile, on any thread; what there is before does not count."""
    collections: list[dict[str, int]] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            collections.append(info)

    gc.collect()
    gc.freeze()
    gc.disable()
    gc.callbacks.append(note)
    try:
        yield
    finally:
        gc.callbacks.remove(note)
        gc.enable()
        gc.unfreeze()
    assert collections == []


class Visitor:
    """One session, acted on as its websocket does."""

    def __init__(self, session: ServerSession, seen: WeakSet[object]) -> None:
        self.session = session
        self._seen = seen
        self.look()

    def look(self) -> None:
        """Note all that there is of the session now."""
        document = self.session.document
        self._seen.update((*document.models, *document.config.references(), document, self.session))
        assert isinstance(document, SessionDocument)
        self._seen.add(cast(MethodType, document.close).__self__)

    async def set(self, name: str, attribute: str, value: Any) -> None:
        def change() -> None:
            setattr(self.session.document.get_model_by_name(name), attribute, value)

        await self.session.with_document_locked(change)
        self.look()

    async def wish(self, query: str) -> None:
        await self.set("wish", "data", {"query": [query], "number": ["1"]})

    async def until(self, name: str) -> None:
        """Wait until a root has children."""
        async with asyncio.timeout(60):
            while not self.session.document.get_model_by_name(name).children:
                await asyncio.sleep(0.01)
        self.look()


async def visit(context: ApplicationContext, number: int, query: str, seen: WeakSet[object]) -> Visitor:
    request: Any = SimpleNamespace(query=query, arguments={}, headers={}, cookies={})
    return Visitor(await context.create_session_if_needed(ID(f"session-{number}"), request), seen)


async def look_around(visitor: Visitor) -> None:
    """Use everything, so that figures are made, replaced and taken out."""
    await visitor.wish("unit=NY")
    await visitor.set("change", "value", 20)
    await visitor.wish("multiples=1&view=dots&compare=CA")
    await visitor.wish("tab=analyst")
    await visitor.until("analyst-provenance")
    await visitor.wish("tab=reader")
    await visitor.wish("study=another")


async def end_all(context: ApplicationContext) -> None:
    """End all sessions; one stays for as long as something is done with it."""
    for session in context.sessions:
        session.request_expiration()
    async with asyncio.timeout(60):
        while list(context.sessions):
            await context._cleanup_sessions(60_000)
            await asyncio.sleep(0.01)


async def until_freed(seen: WeakSet[object]) -> None:
    """Wait until nothing is left; a worker thread lets go of what it ran a moment after its result."""
    async with asyncio.timeout(60):
        while seen:
            await asyncio.sleep(0.01)


def make_context(builder: PageBuilder) -> ApplicationContext:
    return ApplicationContext(Application(builder), io_loop=asyncio.get_running_loop(), url="/")


def test_a_page_that_is_written_leaves_nothing_in_circles() -> None:
    template = load_templates(SERVICE).get_template("index.html")
    blank = defaultdict(str)

    def write() -> str:
        return template.render(
            words=blank, render_item=None, scripts=(), sheets=(), masses=(), dark={}, assets=blank, replica=""
        )

    write()
    gc.collect()
    gc.disable()
    try:
        assert "For analysts" in write()
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("used", [False, True], ids=["looked at", "used"])
def test_sessions_that_end_are_freed_without_a_collection(builder: PageBuilder, used: bool) -> None:
    async def come_and_go() -> None:
        context = make_context(builder)
        seen: WeakSet[object] = WeakSet()
        for number in range(SESSIONS):
            visitor = await visit(context, number, "study=smoking&unit=CA", seen)
            if used:
                await look_around(visitor)
            del visitor
        assert len(seen) > 100 * SESSIONS
        await end_all(context)
        await until_freed(seen)

    asyncio.run(come_and_go())  # imports and caches that are made once
    with without_collection():
        asyncio.run(come_and_go())


def test_what_a_page_shows_no_more_is_freed_while_its_session_goes_on(builder: PageBuilder) -> None:
    async def switch(context: ApplicationContext, number: int) -> None:
        seen: WeakSet[object] = WeakSet()
        visitor = await visit(context, number, "study=smoking&tab=analyst&multiples=1", seen)
        for study in ("another", "smoking", "another"):
            # The first of the two is left before its analysis is there.
            await visitor.wish(f"study={'smoking' if study == 'another' else 'another'}&multiples=1")
            await visitor.wish(f"study={study}&multiples=1")
            await visitor.until("analyst-provenance")
        document = visitor.session.document
        async with asyncio.timeout(60):
            while {one for one in seen if isinstance(one, Model)} - {
                *document.models,
                *document.config.references(),
            }:
                await asyncio.sleep(0.01)

    async def come_and_stay() -> None:
        context = make_context(builder)
        await switch(context, 0)
        with without_collection():
            await switch(context, 1)
        await end_all(context)

    asyncio.run(come_and_stay())


def test_news_reach_every_page_though_one_does_not_take_them(
    builder: PageBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = builder._process
    cache = process.cache

    async def tell() -> None:
        context = make_context(builder)
        seen: WeakSet[object] = WeakSet()
        visitors = [await visit(context, number, "study=smoking", seen) for number in range(3)]
        stuck, *others = (visitor.session for visitor in visitors)
        waiting = asyncio.Event()

        async def take_nothing(_pending: object) -> None:
            await waiting.wait()

        monkeypatch.setattr(stuck, "_send_pending_patches", take_nothing)
        reader: Any = object.__new__(ServerConnection)
        reader._protocol = None
        stuck.subscribe(reader)
        tell_store(cache._store.root, "sampling", draws_done=1, draws_total=2)
        cache.poll()
        process.herald.announce()
        async with asyncio.timeout(60):
            while not all("progress" in notices(session) for session in others):
                await asyncio.sleep(0.01)
        assert process.herald.describe(stuck.id)["study"] == "smoking"
        waiting.set()
        stuck.unsubscribe(reader)
        await asyncio.gather(*process.herald._busy.values())
        await end_all(context)

    def notices(session: ServerSession) -> str:
        told: dict[str, str] = session.document.template_variables["words"]
        return told["notices"]

    asyncio.run(tell())


def test_reader_waits_for_no_other_page_that_is_told_news(
    builder: PageBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = builder._process

    async def tell() -> None:
        context = make_context(builder)
        seen: WeakSet[object] = WeakSet()
        slow, *others = [await visit(context, number, "study=smoking", seen) for number in range(3)]
        asked, release = threading.Event(), threading.Event()
        page = process.herald.find(slow.session.id)
        assert page is not None
        refresh = Page.refresh

        def refresh_slowly(one: Page) -> None:
            if one is page:
                asked.set()
                release.wait(60)
            refresh(one)

        monkeypatch.setattr(Page, "refresh", refresh_slowly)
        tell_store(process.cache._store.root, "sampling", draws_done=2, draws_total=3)
        process.cache.poll()
        process.herald.announce()
        async with asyncio.timeout(60):
            while not asked.is_set():
                for other in others:
                    await other.session.with_document_locked(lambda: None)
            told = [process.herald.find(other.session.id) for other in others]
            while any(one is not None and one.has_news() for one in told):
                await asyncio.sleep(0.01)
            assert page.has_news()
            release.set()
            while page.has_news() or process.herald._busy:
                await asyncio.sleep(0.01)
        await end_all(context)

    asyncio.run(tell())


def test_a_replica_is_ready_once_a_page_of_each_study_was_built(
    builder: PageBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, asked = builder._process, list[str]()
    open_page = process.open_page

    def note(document: Document, query: str) -> Page:
        asked.append(query)
        if query == "study=another":
            raise RuntimeError("broken on purpose")
        return open_page(document, query)

    monkeypatch.setattr(process, "open_page", note)
    assert try_every(process, builder) == "RuntimeError: broken on purpose"
    assert {"", "study=another"} <= set(asked)
    monkeypatch.undo()
    assert try_every(process, builder) is None


def test_a_session_that_ends_while_its_analysis_is_made_is_freed_too(
    builder: PageBuilder, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave_early() -> None:
        context = make_context(builder)
        seen: WeakSet[object] = WeakSet()
        await visit(context, 0, "study=smoking&tab=analyst", seen)
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        await end_all(context)
        await asyncio.gather(*waiting)
        await until_freed(seen)

    with without_collection():
        asyncio.run(leave_early())
    assert [
        record.getMessage() for record in caplog.records if "EMPTY_LAYOUT" not in record.getMessage()
    ] == []
