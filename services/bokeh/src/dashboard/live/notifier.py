"""Open pages, and how they learn that the catalogue has changed: one after the other."""

import asyncio
import logging
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
    _telling: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

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
            if session_id in self._telling or not page.has_news():
                continue
            if context.session is None:
                # Its session is still being made, and runs this as soon as it exists.
                document.add_next_tick_callback(page.refresh)
                continue
            self._telling[session_id] = asyncio.create_task(self._tell(session_id, context.session, page))

    async def _tell(self, session_id: str, session: ServerSession, page: Page) -> None:
        """Refresh a page in its turn, and again for as long as more changes meanwhile."""

        def refresh() -> None:
            if not session.destroyed:
                page.refresh()

        try:
            while not session.destroyed and page.has_news():
                async with self._turn:
                    telling = asyncio.ensure_future(session.with_document_locked(refresh))
                    await asyncio.wait([telling], timeout=TURN_SECONDS)
                    await asyncio.sleep(PAUSE_SECONDS)
                await telling
        except Exception:
            log.exception("an open page could not be told of a change")
        finally:
            del self._telling[session_id]
