"""The state that all sessions of one process share, put together in one place."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment

from dashboard.assets import Assets
from dashboard.catalogue import Catalogue, Snapshot, VersionCache
from dashboard.http.headers import write_policy
from dashboard.http.page_queue import PageQueue
from dashboard.live.admission import Admission
from dashboard.live.documents import DocumentBuilder, read_theme
from dashboard.live.notifier import Notifier
from dashboard.live.sessions import Session
from dashboard.operations.health import Health
from dashboard.operations.in_flight import InFlight
from dashboard.prepared import PreparedPages
from dashboard.settings import Settings
from dashboard.settling import find_study_fault, request_for
from dashboard.state import read_query
from dashboard.studies import render_missing, render_studies
from dashboard.templates import load_templates
from tracestore.store import TraceStore

LOAD_SECONDS = 0.6
"""Time that a page waits for draws that are being loaded, before it says that they are."""


@dataclass(frozen=True)
class ApplicationState:
    """The settings, the catalogue, the versions in memory and the open pages of one process."""

    settings: Settings
    store: TraceStore
    versions: VersionCache
    catalogue: Catalogue
    health: Health
    admission: Admission
    page_queue: PageQueue
    in_flight: InFlight
    notifier: Notifier
    builder: DocumentBuilder
    assets: Assets
    templates: Environment

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every answer."""
        return {
            "Content-Security-Policy": write_policy(self.settings.frame_ancestors),
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
            "X-Longitude-Replica": self.settings.replica,
        }

    def follow_store(self) -> None:
        """Follow the store from now on, and notify open pages; called on the event loop."""
        loop = asyncio.get_running_loop()

        def announce(_snapshot: Snapshot | None = None) -> None:
            loop.call_soon_threadsafe(self.notifier.announce)

        self.versions.listen(announce)
        self.catalogue.start(announce)

    async def wait_for_draws(self, query: str, seconds: float = LOAD_SECONDS) -> None:
        """Begin to load the draws that a query needs, and wait for them for at most so long."""
        loading = request_for(query, self.catalogue, self.versions)
        if loading is not None:
            await asyncio.wait([asyncio.wrap_future(loading)], timeout=seconds)

    async def resume_page(self, session: Session, query: str) -> None:
        """Bring the page of a session to where its browser's address is; it may have moved on elsewhere."""
        page = self.notifier.find(session.id)
        if page is None or query == "" or page.is_at(query):
            return
        await self.wait_for_draws(query)
        await session.with_document_locked(page.resume, query)

    def shows_list(self, query: str) -> bool:
        """Return whether a query leads to the list of studies, as it names none and there are several."""
        snapshot = self.catalogue.snapshot
        return bool(snapshot.entries) and snapshot.front is None and read_query(query)[0].study is None

    def write_missing(self, query: str) -> str | None:
        """Write the page that says that there is no such study; None where there is one."""
        fault = find_study_fault(query, self.catalogue.snapshot)
        if fault is None:
            return None
        return render_missing(fault, self.templates, self.assets, self.settings.replica)

    def write_list(self) -> str:
        """Write the page that lists the studies."""
        return render_studies(self.catalogue.snapshot, self.templates, self.assets, self.settings.replica)


def make_state(settings: Settings, service: Path | None = None) -> ApplicationState:
    """Put the state of a process together; `service` holds ``app/`` and ``assets/``."""
    store = TraceStore(settings.traces_dir)
    versions = VersionCache(store, settings.versions_memory_mb * 2**20)
    catalogue = Catalogue(store, versions, settings.default_study)
    notifier = Notifier()
    return ApplicationState(
        settings=settings,
        store=store,
        versions=versions,
        catalogue=catalogue,
        health=Health(),
        admission=Admission(settings.sessions_max),
        page_queue=PageQueue(),
        in_flight=InFlight(),
        notifier=notifier,
        builder=DocumentBuilder(PreparedPages(catalogue, versions), notifier, read_theme(service)),
        assets=Assets.find(service),
        templates=load_templates(service),
    )
