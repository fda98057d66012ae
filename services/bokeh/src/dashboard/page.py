"""One open page: its widgets and figures, and what happens when the reader or the volume changes something.

Every document has the same roots in the same order whatever it shows, because a browser that moves to
another replica puts the new document's roots where the old one's were.
"""

from dataclasses import replace
from typing import Any

from bokeh.document import Document
from bokeh.model import Model as BokehModel
from bokeh.models import ColumnDataSource

from dashboard import analyst, reader
from dashboard import words as wording
from dashboard.analyst import AnalystTab
from dashboard.controls import Controls
from dashboard.copies import PagePart
from dashboard.reader import Reader
from dashboard.settling import settle
from dashboard.state import ViewState, read_query
from dashboard.traces import StudyNow, TraceCache
from dashboard.versions import LoadedVersion
from dashboard.words import Words

ROOTS = ("page", "options", "change", "switch", "wish", *reader.ROOTS, *analyst.NAMES)
"""Slots of the roots, in their order; each root is put into the element of the id ``slot-<name>``."""


class Page(PagePart):
    """The models of one session, and the state they show.

    Making one takes dozens of milliseconds, and copying it a few; both may take longer where something was
    never asked of a version before, and may be done on any thread.

    Parameters
    ----------
    cache
        The process's traces.
    query
        The query string of the page's address, from the browser: not to be trusted.
    """

    def __init__(self, cache: TraceCache, query: str) -> None:
        self._document: Document | None = None
        self._cache = cache
        self._state = ViewState()
        self._version: LoadedVersion | None = None
        self._words: Words = {}
        self._answered = ""
        self._page = ColumnDataSource(name="page", data={"name": [], "text": []})
        self._controls = Controls(self._choose, self._grant)
        self._reader = Reader(self._choose_unit)
        self._analyst = AnalystTab()
        self.show(*read_query(query))

    def attach(self, document: Document) -> None:
        """Put the page into an empty document: its roots, title and template variables."""
        document.config.notify_connection_status = False
        with document.models.freeze():
            for model in self.roots:
                document.add_root(model)
        self._document = document
        self._label_document(document)
        self.refresh()

    def close(self) -> None:
        """Let go of everything, when the session has ended: page and controls hold each other."""
        vars(self).clear()

    def describe(self) -> dict[str, str]:
        """Say which study and version are shown."""
        return {"study": self._state.study or "", "version": self._state.version or ""}

    def is_at(self, query: str) -> bool:
        """Say whether the page's address has this query."""
        return self._words.get("query") == query

    def resume(self, query: str) -> None:
        """Show what a page's address says that comes back here; it has moved on elsewhere since."""
        self._answered = ""
        self.show(*read_query(query))

    def has_news(self) -> bool:
        """Say whether what has changed in the volume since can change what this page shows."""
        before, after, study = self._shelf, self._cache.shelf, self._state.study
        if before is after:
            return False
        titles = [[(now.name, now.title) for now in shelf.studies] for shelf in (before, after)]
        return (
            titles[0] != titles[1]
            or before.trouble != after.trouble
            or before.find(study) != after.find(study)
        )

    def refresh(self) -> None:
        """Show the same state with the volume as it is now, telling what has happened since."""
        self.show(self._state, self._notices, anew=False)

    def show(self, asked: ViewState, notices: tuple[str, ...] = (), *, anew: bool = True) -> None:
        """Show what is asked for, as far as it exists, and write it to the address.

        Figures that show it already are left as they are, but for `anew`: a reader may have changed them.
        """
        shown = (self._state, self._version) if not anew else None
        self._shelf = shelf = self._cache.shelf
        state, more = settle(asked, shelf, self._held)
        now = shelf.find(state.study)
        version = self._find_version(state, now)
        notices = (*notices, *more)
        self._state, self._version, self._notices = state, version, notices
        if now is None:
            words = wording.say_empty(state, shelf, notices)
        elif version is None:
            words = wording.say_waiting(state, now, notices)
        else:
            words = wording.say_dashboard(state, version, now, notices) | self._analyst.words(version)
            if (state, version) != shown:
                self._reader.show(state, version)
            if state.tab == "analyst":
                self._analyst.show(version)
        self._controls.show(state, shelf, version)
        self._say(words | {"studies": str(len(shelf.studies) or ""), "answered": self._answered})

    @property
    def roots(self) -> tuple[BokehModel, ...]:
        """The models that become the document's roots, in the order of `ROOTS`."""
        return (
            self._page,
            *self._controls.roots,
            *self._reader.roots,
            *(root for _, root in self._analyst.roots),
        )

    def _choose(self, chosen: dict[str, Any]) -> None:
        self.show(replace(self._state, **chosen))

    def _choose_unit(self, unit: str) -> None:
        self._choose({"unit": unit})

    def _grant(self, query: str, number: str) -> None:
        """Follow a wish; another study starts from its own defaults, the page's looks are kept.

        Each wish is answered, also where it changes nothing: the page may show what was not granted.
        """
        self._answered = number
        before = self._state
        asked, notices = read_query(query, before)
        if asked.study != before.study:
            fresh = replace(before, version=None, unit=None, change=None, compare=())
            asked, notices = read_query(query, fresh)
        self.show(asked, notices)

    def _find_version(self, state: ViewState, now: StudyNow | None) -> LoadedVersion | None:
        if now is None or state.version is None:
            return None
        if now.current is not None and now.current.name == state.version:
            return now.current
        return self._held(now.name, state.version)

    def _held(self, study: str, version: str) -> LoadedVersion | None:
        mine = self._version
        if mine is not None and (mine.manifest.study.name, mine.name) == (study, version):
            return mine
        return self._cache.held(study, version)

    def _say(self, words: Words) -> None:
        if words == self._words:
            return
        self._words = words
        self._page.data = {"name": list(words), "text": list(words.values())}
        if self._document is not None:
            self._label_document(self._document)

    def _label_document(self, document: Document) -> None:
        document.title = self._words["document-title"]
        document.template_variables["words"] = self._words
