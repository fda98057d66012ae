"""Tells open pages what has changed in the volume, one at a time, so that nobody waits for all of them."""

import asyncio
import logging
from dataclasses import dataclass, field

from bokeh.document import Document
from bokeh.server.contexts import BokehSessionContext
from bokeh.server.session import ServerSession

from dashboard.page import Page

log = logging.getLogger(__name__)


@dataclass
class Herald:
    """The open pages by session, and how they learn of news.

    Attributes
    ----------
    pages
        Each session's document and page.
    """

    pages: dict[str, tuple[Document, Page]] = field(default_factory=dict)
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

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
            task = asyncio.create_task(self._tell(session_id, context.session, page))
            self._busy[session_id] = task

    async def _tell(self, session_id: str, session: ServerSession, page: Page) -> None:
        """Show a page what has changed, again for as long as more changes meanwhile.

        Its turn ends before it is sent, so that a browser that takes nothing holds up nobody else.
        """

        async def refresh() -> None:
            async with self._turn:
                if not session.destroyed:
                    await asyncio.to_thread(page.refresh)

        try:
            while not session.destroyed and page.has_news():
                await session.with_document_locked(refresh)
        except Exception:
            log.exception("an open page could not be told of a change")
        finally:
            del self._busy[session_id]
