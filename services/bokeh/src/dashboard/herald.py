"""Tells open pages what has changed in the volume, one after the other; no reader has to wait for that."""

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
"""After which the next page is told beside one that takes longer: its reader changes something just now, or
takes nothing of what is sent."""

PAUSE_SECONDS = 0.004
"""Between pages that are told, which leaves readers' changes half of the time."""


@dataclass
class Herald:
    """The open pages by session, and how they learn of news.

    Attributes
    ----------
    pages
        Each session's document and page.
    """

    pages: dict[str, tuple[Document, Page]] = field(default_factory=dict)
    _due: dict[str, tuple[ServerSession, Page]] = field(default_factory=dict)
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _round: asyncio.Task[None] | None = None

    def find(self, session_id: str) -> Page | None:
        """Find the page of a session, if it is open."""
        _, page = self.pages.get(session_id, (None, None))
        return page

    def describe(self, session_id: str) -> dict[str, str]:
        """Say what the page of a session shows: study and version, as far as there is one."""
        page = self.find(session_id)
        return page.describe() if page is not None else {}

    def announce(self) -> None:
        """Tell whoever is concerned that the volume has changed; on the event loop, returns at once."""
        for session_id, (document, page) in list(self.pages.items()):
            context = document.session_context
            if not isinstance(context, BokehSessionContext) or context.destroyed:
                continue
            if session_id in self._busy or not page.has_news():
                continue
            if context.session is None:
                # Still being made: it tells itself as soon as it is there.
                document.add_next_tick_callback(page.refresh)
                continue
            self._due[session_id] = context.session, page
        if self._due and self._round is None:
            self._round = asyncio.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        """Give each page its turn before it is locked, so that a reader's change waits for no other page."""
        try:
            while self._due:
                session_id = next(iter(self._due))
                session, page = self._due.pop(session_id)
                told = asyncio.Event()
                self._busy[session_id] = asyncio.create_task(self._tell(session_id, session, page, told))
                with suppress(TimeoutError):
                    async with asyncio.timeout(TURN_SECONDS):
                        await told.wait()
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._round = None

    async def _tell(self, session_id: str, session: ServerSession, page: Page, told: asyncio.Event) -> None:
        """Show a page what has changed, again for as long as more changes meanwhile; then it is sent."""
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
