"""What Bokeh asks for the document of each new session."""

import logging
from pathlib import Path
from typing import override

from bokeh.application.application import ServerContext, SessionContext
from bokeh.application.handlers.handler import Handler
from bokeh.document import Document
from bokeh.server.contexts import BokehSessionContext
from bokeh.themes import Theme

from dashboard.logs import speaking_of
from dashboard.metrics import DOCUMENT_SECONDS, SESSIONS_CREATED
from dashboard.process import Process
from dashboard.session_document import SessionDocument

log = logging.getLogger(__name__)

FAULT = "fault"
"""The template variable of a document that could not be built; it says why."""


class PageBuilder(Handler):
    """Builds the pages of a process.

    Bokeh calls a handler of this kind from a worker thread, so that nothing is built on the event loop.
    For an `app/main.py` it would do neither that nor without a module per session, whose references it
    looks for, when the session ends, among all objects of the process.

    Parameters
    ----------
    process
        What the pages are made from.
    theme
        Applied to every document.
    """

    def __init__(self, process: Process, theme: Theme) -> None:
        super().__init__()
        self._process = process
        self._theme = theme

    @override
    def modify_document(self, doc: Document) -> None:
        """Put a page into a new document; one that cannot be built says so in `FAULT` and has no roots."""
        context = doc.session_context
        request = context.request if isinstance(context, BokehSessionContext) else None
        session = str(context.id) if context is not None else ""
        with speaking_of(session), DOCUMENT_SECONDS.time():
            self.build(doc, (request.query if request is not None else "") or "")
        SESSIONS_CREATED.inc()
        with speaking_of(session, **self._process.herald.describe(session)):
            log.info("a page was built")

    def build(self, document: Document, query: str) -> None:
        """Put the page of a query into a new document. Blocks: not for the event loop."""
        adopted = SessionDocument.adopt(document)
        adopted.theme = self._theme
        try:
            adopted.close = self._process.open_page(document, query).close
            adopted.slim()
        except Exception as error:
            log.exception("a page could not be built")
            document.template_variables[FAULT] = f"{type(error).__name__}: {error}".replace("\n", " ")

    @override
    def on_server_loaded(self, server_context: ServerContext) -> None:
        self._process.start()

    @override
    def on_server_unloaded(self, server_context: ServerContext) -> None:
        self._process.stop()

    @override
    async def on_session_destroyed(self, session_context: SessionContext) -> None:
        self._process.close_page(session_context.id)


def read_theme(service: Path | None = None) -> Theme:
    """Read the figures' theme in `service`/app (default: where we run)."""
    return Theme(filename=(service or Path.cwd()) / "app" / "theme.yaml")
