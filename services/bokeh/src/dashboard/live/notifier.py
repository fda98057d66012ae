"""Open pages, and how they learn that the catalogue has changed: one after the other."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

from bokeh.document import Document
from bokeh.server.contexts import BokehSessionContext
from bokeh.server.session import ServerSession

from dashboard.page import Page

log = logging.getLogger(__name__)


TURN_SECONDS = 0.05
"""Time after which the next page is told beside one that takes longer, because its reader changes something
just now or takes nothing of what is sent."""

PAUSE_SECONDS = 0.004
"""Pause between two pages, which leaves half of the time to readers' changes."""


@dataclass
class Notifier:
    """The open pages of a process by session."""

    ended: int = 0
    """Sessions that have ended since the process began."""
    _pages: dict[str, tuple[Document, Page]] = field(default_factory=dict)
    _due: dict[str, tuple[ServerSession, Page]] = field(default_factory=dict)
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _round: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._pages)

    def add(self, session_id: str, document: Document, page: Page) -> None:
        """Keep the page of a session informed until `remove`."""
        self._pages[session_id] = document, page

    def remove(self, session_id: str) -> None:
        """Forget the page of a session that has ended."""
        if self._pages.pop(session_id, None) is not None:
            self.ended += 1

    def find(self, session_id: str) -> Page | None:
        """Return the page of a session, or None."""
        _, page = self._pages.get(session_id, (None, None))
        return page

    def describe(self, session_id: str) -> dict[str, str]:
        """Return study and version that the page of a session shows, for the log."""
        page = self.find(session_id)
        return page.describe() if page is not None else {}

    def announce(self) -> None:
        """Notify every page that the last change concerns; on the event loop, returns at once."""
        for session_id, (document, page) in list(self._pages.items()):
            context = document.session_context
            if not isinstance(context, BokehSessionContext) or context.destroyed:
                continue
            if session_id in self._busy or not page.has_news():
                continue
            if context.session is None:
                # Its session is still being made, and runs this as soon as it exists.
                document.add_next_tick_callback(page.refresh)
                continue
            self._due[session_id] = context.session, page
        if self._due and self._round is None:
            self._round = asyncio.create_task(self._notify_all())

    async def _notify_all(self) -> None:
        """Refresh one page after the other, so that a reader's change waits for no other page."""
        try:
            while self._due:
                session_id = next(iter(self._due))
                session, page = self._due.pop(session_id)
                told = asyncio.Event()
                self._busy[session_id] = asyncio.create_task(self._notify(session_id, session, page, told))
                with suppress(TimeoutError):
                    async with asyncio.timeout(TURN_SECONDS):
                        await told.wait()
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._round = None

    async def _notify(self, session_id: str, session: ServerSession, page: Page, told: asyncio.Event) -> None:
        """Refresh a page, again for as long as more changes meanwhile."""
        loop = asyncio.get_running_loop()

        def refresh() -> None:
            if not session.destroyed:
                page.refresh()
            loop.call_soon_threadsafe(told.set)

        try:
            while not session.destroyed and page.has_news():
                await session.with_document_locked(refresh)
        except Exception:
            log.exception("an open page could not be told of a change")
        finally:
            told.set()
            del self._busy[session_id]
