"""The builder of the document of each new session."""

import logging
from pathlib import Path
from typing import override

from bokeh.application.application import SessionContext
from bokeh.application.handlers.handler import Handler
from bokeh.document import Document
from bokeh.server.contexts import BokehSessionContext
from bokeh.themes import Theme

from dashboard.live.internals import SessionDocument, discard, drop_empty
from dashboard.live.notifier import Notifier
from dashboard.logs import logging_about
from dashboard.operations.metrics import DOCUMENT_SECONDS, SESSIONS_CREATED
from dashboard.prepared import PreparedPages

log = logging.getLogger(__name__)

FAULT = "fault"
"""Template variable of a document that could not be built; it says why."""


class DocumentBuilder(Handler):
    """Builds the documents of a process.

    Bokeh calls a handler of this kind on a worker thread, so that nothing is built on the event loop.
    """

    def __init__(self, pages: PreparedPages, notifier: Notifier, theme: Theme) -> None:
        super().__init__()
        self._pages = pages
        self._notifier = notifier
        self._theme = theme

    @override
    def modify_document(self, doc: Document) -> None:
        """Put a page into a new document; one that cannot be built says why in `FAULT` and has no roots."""
        context = doc.session_context
        request = context.request if isinstance(context, BokehSessionContext) else None
        session = str(context.id) if context is not None else ""
        with logging_about(session):
            with DOCUMENT_SECONDS.time():
                self.build(doc, (request.query if request is not None else "") or "")
            SESSIONS_CREATED.inc()
            if not is_faulty(doc):
                with logging_about(**self._notifier.describe(session)):
                    log.info("a page was built")

    def build(self, document: Document, query: str) -> None:
        """Put the page of a query into a new document. Blocks: not for the event loop."""
        adopted = SessionDocument.adopt(document)
        adopted.theme = self._theme
        try:
            page = self._pages.open(query)
            adopted.on_destroy = page.close
            context = document.session_context
            if context is not None:
                # Before it is attached, which shows the catalogue as it is then: no change falls in between.
                self._notifier.add(context.id, document, page)
            page.attach(document)
            drop_empty(document.models)
        except Exception as error:
            log.exception("a page could not be built")
            document.template_variables[FAULT] = _describe(error)

    @override
    async def on_session_destroyed(self, session_context: SessionContext) -> None:
        self._notifier.remove(session_context.id)


def try_build(builder: DocumentBuilder, query: str) -> str | None:
    """Build and write a document that nobody sees; return what is wrong with it, or None."""
    document = Document()
    builder.build(document, query)
    try:
        document.to_json()
        return document.template_variables.get(FAULT)
    except Exception as error:
        log.exception("a page could not be written")
        return _describe(error)
    finally:
        discard((*document.roots, document.config))


def is_faulty(document: Document) -> bool:
    """Return whether the page of a document could not be built."""
    return FAULT in document.template_variables


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")


def read_theme(service: Path | None = None) -> Theme:
    """Read the figures' theme in `service`/app (default: the working directory)."""
    return Theme(filename=(service or Path.cwd()) / "app" / "theme.yaml")
