"""Sessions that have ended leave nothing behind, without a garbage collection."""

import asyncio
import gc
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import MethodType
from typing import Any, cast
from weakref import WeakSet

import pytest
from bokeh.model import Model
from starlette.requests import HTTPConnection
from synthetic import make_card, publish
from synthetic import tell as tell_store

from conftest import SERVICE
from dashboard.application_state import ApplicationState, make_state
from dashboard.live.documents import try_build
from dashboard.live.internals import SessionDocument, install
from dashboard.live.sessions import Session, Sessions
from dashboard.live.transport import Transport
from dashboard.page import Page
from dashboard.settings import Settings
from dashboard.templates import load_templates

SESSIONS = 4


@pytest.fixture
def state(tmp_path: Path) -> Iterator[ApplicationState]:
    # Its locks belong to one event loop, and each test has its own.
    install()
    root = tmp_path / "traces"
    versions = {study: publish(root, make_card(study, study)).version for study in ("smoking", "another")}
    secret = root.parent / "secret"
    secret.write_text("s" * 44)
    made = make_state(Settings(traces_dir=root, secret_file=secret), SERVICE)
    made.catalogue.poll()
    for study, version in versions.items():
        made.versions.request(study, version).result(60)
        assert try_build(made.builder, f"study={study}") is None
    yield made
    made.versions.close()


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

    def __init__(self, session: Session, seen: WeakSet[object]) -> None:
        self.session = session
        self._seen = seen
        self.look()

    def look(self) -> None:
        """Note all that there is of the session now."""
        document = self.session.document
        self._seen.update((*document.models, *document.config.references(), document, self.session))
        assert isinstance(document, SessionDocument)
        self._seen.add(cast(MethodType, document.on_destroy).__self__)

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


async def visit(sessions: Sessions, query: str, seen: WeakSet[object]) -> Visitor:
    scope = {
        "type": "http",
        "path": "/",
        "query_string": query.encode(),
        "headers": [(b"host", b"localhost")],
    }
    return Visitor(await sessions.create(HTTPConnection(scope)), seen)


async def look_around(visitor: Visitor) -> None:
    """Use everything, so that figures are made, replaced and taken out."""
    await visitor.wish("unit=NY")
    await visitor.set("change", "value", 20)
    await visitor.wish("multiples=1&view=dots&compare=CA")
    await visitor.wish("tab=analyst")
    await visitor.until("analyst-provenance")
    await visitor.wish("tab=reader")
    await visitor.wish("study=another")


@asynccontextmanager
async def serving(state: ApplicationState) -> AsyncIterator[Sessions]:
    """Serve sessions; all that were made have ended when the context does."""
    sessions = Sessions(state.builder, state.settings)
    await sessions.start()
    yield sessions
    for session in sessions.all:
        session.request_expiration()
    async with asyncio.timeout(60):
        while sessions.all:
            await asyncio.sleep(0.01)
    await sessions.stop()


async def until_freed(seen: WeakSet[object]) -> None:
    """Wait until nothing is left; a worker thread lets go of what it ran a moment after its result."""
    async with asyncio.timeout(60):
        while seen:
            await asyncio.sleep(0.01)


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
def test_sessions_that_end_are_freed_without_a_collection(state: ApplicationState, used: bool) -> None:
    async def come_and_go() -> None:
        seen: WeakSet[object] = WeakSet()
        async with serving(state) as sessions:
            for _ in range(SESSIONS):
                visitor = await visit(sessions, "study=smoking&unit=CA", seen)
                if used:
                    await look_around(visitor)
                del visitor
            assert len(seen) > 100 * SESSIONS
        await until_freed(seen)

    asyncio.run(come_and_go())  # imports and caches that are made once
    with without_collection():
        asyncio.run(come_and_go())


def test_models_that_a_page_shows_no_more_are_freed_while_its_session_goes_on(
    state: ApplicationState,
) -> None:
    async def switch(sessions: Sessions) -> None:
        seen: WeakSet[object] = WeakSet()
        visitor = await visit(sessions, "study=smoking&tab=analyst&multiples=1", seen)
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
        async with serving(state) as sessions:
            await switch(sessions)
            with without_collection():
                await switch(sessions)

    asyncio.run(come_and_stay())


class Stuck:
    """The transport of a client that takes nothing until it is released."""

    def __init__(self) -> None:
        self.released = asyncio.Event()

    async def send_message(self, _message: object) -> None:
        await self.released.wait()

    def ping(self, _data: bytes) -> None:
        raise AssertionError("uvicorn sends pings")


def test_news_reach_every_page_though_one_does_not_take_them(state: ApplicationState) -> None:
    def notices(session: Session) -> str:
        words: dict[str, str] = session.document.template_variables["words"]
        return words["notices"]

    async def tell() -> None:
        seen: WeakSet[object] = WeakSet()
        async with serving(state) as sessions:
            visitors = [await visit(sessions, "study=smoking", seen) for _ in range(3)]
            stuck, *others = (visitor.session for visitor in visitors)
            transport = Stuck()
            connection = sessions.connect(cast(Transport, transport), stuck)
            tell_store(state.store.root, "sampling", draws_done=1, draws_total=2)
            state.catalogue.poll()
            state.notifier.announce()
            async with asyncio.timeout(60):
                while not all("progress" in notices(session) for session in others):
                    await asyncio.sleep(0.01)
            assert state.notifier.describe(stuck.id)["study"] == "smoking"
            transport.released.set()
            sessions.disconnect(connection)

    asyncio.run(tell())


def test_reader_waits_for_no_other_page_that_is_told_news(
    state: ApplicationState, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def tell() -> None:
        seen: WeakSet[object] = WeakSet()
        async with serving(state) as sessions:
            slow, *others = [await visit(sessions, "study=smoking", seen) for _ in range(3)]
            asked, release = threading.Event(), threading.Event()
            page = state.notifier.find(slow.session.id)
            assert page is not None
            refresh = Page.refresh

            def refresh_slowly(one: Page) -> None:
                if one is page:
                    asked.set()
                    release.wait(60)
                refresh(one)

            monkeypatch.setattr(Page, "refresh", refresh_slowly)
            tell_store(state.store.root, "sampling", draws_done=2, draws_total=3)
            state.catalogue.poll()
            state.notifier.announce()
            async with asyncio.timeout(60):
                while not asked.is_set():
                    for other in others:
                        await other.session.with_document_locked(lambda: None)
                told = [state.notifier.find(other.session.id) for other in others]
                while any(one is not None and one.has_news() for one in told):
                    await asyncio.sleep(0.01)
                assert page.has_news()
                release.set()
                while page.has_news():
                    await asyncio.sleep(0.01)

    asyncio.run(tell())


def test_session_that_ends_while_its_analysis_is_made_is_freed_too(
    state: ApplicationState, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave_early() -> None:
        seen: WeakSet[object] = WeakSet()
        async with serving(state) as sessions:
            await visit(sessions, "study=smoking&tab=analyst", seen)
        await until_freed(seen)

    with without_collection():
        asyncio.run(leave_early())
    assert [
        record.getMessage()
        for record in caplog.records
        if "EMPTY_LAYOUT" not in record.getMessage() and not record.name.startswith("dashboard")
    ] == []
