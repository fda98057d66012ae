"""What all sessions of this process share, put together in one place."""

import asyncio
import logging
from dataclasses import dataclass, field
from functools import cache as once

from bokeh.document import Document
from jinja2 import Environment

from dashboard.addresses import Addresses
from dashboard.admission import Admission
from dashboard.assets import Assets
from dashboard.garbage import Collector
from dashboard.health import Health
from dashboard.herald import Herald
from dashboard.page import Page
from dashboard.policy import write_policy
from dashboard.prepared import PreparedPages
from dashboard.settings import Settings, own_settings
from dashboard.state import ViewState, read_query
from dashboard.templates import load_templates
from dashboard.traces import Shelf, TraceCache
from dashboard.versions import LoadedVersion
from tracestore.errors import TraceStoreError
from tracestore.store import TraceStore

log = logging.getLogger(__name__)


@dataclass
class Process:
    """The settings, the traces and the open pages of one server process.

    Attributes
    ----------
    ended
        How many sessions have ended.
    tried
        The versions served, by study, of which a page was tried; nothing before the first time.
    """

    settings: Settings
    cache: TraceCache
    health: Health
    admission: Admission
    addresses: Addresses
    assets: Assets
    templates: Environment
    herald: Herald = field(default_factory=Herald)
    ended: int = 0
    tried: list[LoadedVersion | None] | None = None
    collector: Collector = field(init=False)
    prepared: PreparedPages = field(init=False)

    def __post_init__(self) -> None:
        self.prepared = PreparedPages(self.cache)
        self.collector = Collector(lambda: len(self.herald.pages), lambda: self.ended)

    def start(self) -> None:
        """Follow the volume from now on; called on the event loop, where changes are announced."""
        loop = asyncio.get_running_loop()

        def announce() -> None:
            # What is new is made ready first (`trial`), and then told: both at once would hold up readers.
            if self.served == self.tried:
                self.herald.announce()

        def hear(_shelf: Shelf) -> None:
            loop.call_soon_threadsafe(announce)

        self.cache.start(hear)

    @property
    def served(self) -> list[LoadedVersion | None]:
        """The version that is served of each study."""
        return [now.current for now in self.cache.shelf.studies]

    def stop(self) -> None:
        """Stop following the volume."""
        self.cache.stop()

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every page."""
        return {
            "Content-Security-Policy": write_policy(self.settings.frame_ancestors),
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Longitude-Replica": self.settings.replica,
        }

    def fetch_version(self, asked: ViewState) -> None:
        """Read the version that is asked for into memory, if the store has it. Blocks.

        What does not exist is left to those who ask, who say so.
        """
        now = self.cache.shelf.find(asked.study)
        if now is not None and asked.version is not None and self.cache.held(now.name, asked.version) is None:
            try:
                self.cache.fetch(now.name, asked.version)
            except (OSError, TraceStoreError) as error:
                log.info("study %s: the version asked for cannot be shown: %s", now.name, error)

    def open_page(self, document: Document, query: str) -> Page:
        """Put the page of a query into an empty document, and keep it informed while its session lives.

        Reads the version that is asked for, so it blocks: not for the event loop.
        """
        asked, _ = read_query(query)
        self.fetch_version(asked)
        page = self.prepared.open(query)
        context = document.session_context
        if context is not None:
            # Before it is attached, which shows the volume as it is then: no change falls in between.
            self.herald.pages[context.id] = (document, page)
            self.health.sessions = len(self.herald.pages)
        page.attach(document)
        return page

    def is_behind(self, session_id: str, query: str) -> bool:
        """Say whether the page of a session is not where the address of its browser is."""
        page = self.herald.find(session_id)
        return page is not None and query != "" and not page.is_at(query)

    def resume_page(self, session_id: str, query: str) -> None:
        """Bring the page of a session to where its browser's address is. Blocks, with the document locked."""
        page = self.herald.find(session_id)
        if page is not None:
            self.fetch_version(read_query(query)[0])
            page.resume(query)

    def close_page(self, session_id: str) -> None:
        """Forget a page whose session has ended."""
        if self.herald.pages.pop(session_id, None) is not None:
            self.ended += 1
            self.health.sessions = len(self.herald.pages)


@once
def running() -> Process:
    """Give the one Process of this interpreter, made from the environment when first asked for."""
    settings = own_settings()
    return Process(
        settings=settings,
        cache=TraceCache(TraceStore(settings.traces_dir)),
        health=Health(),
        admission=Admission(settings.sessions_max),
        addresses=Addresses(settings.address_share),
        assets=Assets.find(),
        templates=load_templates(),
    )
