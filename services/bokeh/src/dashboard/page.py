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
from dashboard.catalogue import Catalogue, Snapshot, VersionCache
from dashboard.controls import Controls
from dashboard.copies import PagePart
from dashboard.live.internals import batching
from dashboard.reader import Reader
from dashboard.settling import Settled, settle
from dashboard.state import ViewState, read_query
from dashboard.words import Words

ROOTS = ("page", "options", "change", "switch", "wish", *reader.ROOTS, *analyst.NAMES)
"""Slots of the roots, in their order; each root is put into the element of the id ``slot-<name>``."""


class Page(PagePart):
    """The models of one session, and the state they show.

    Making one takes dozens of milliseconds, and copying it a few; both may take longer where something was
    never asked of a version before, and may be done on any thread. Nothing is read from the store: a version
    that is not in memory is requested, and shown once it is there. The page holds the version it shows.

    Parameters
    ----------
    query
        The query string of the page's address; None for a page that shows nothing yet.
    """

    def __init__(self, catalogue: Catalogue, versions: VersionCache, query: str | None = None) -> None:
        self._document: Document | None = None
        self._catalogue, self._versions = catalogue, versions
        self._settled = Settled(ViewState())
        self._known: object = None
        self._notices: tuple[str, ...] = ()
        self._words: Words = {}
        self._answered = ""
        self._tries_again = False
        self._page = ColumnDataSource(name="page", data={"name": [], "text": []})
        self._controls = Controls(self._choose, self._grant)
        self._reader = Reader(self._choose_unit)
        self._analyst = AnalystTab(versions)
        if query is not None:
            self.show(*read_query(query))

    def attach(self, document: Document) -> None:
        """Put the page into an empty document: its roots, title and template variables."""
        document.config.notify_connection_status = False
        with document.models.freeze():
            for model in self.roots:
                document.add_root(model)
        self._document = document
        self._label_document()
        # Also where there is no news: the analyst's tab is filled in a document only.
        self.refresh()

    def close(self) -> None:
        """Release everything, when the session has ended: page and controls hold each other."""
        vars(self).clear()

    def describe(self) -> dict[str, str]:
        """Return which study and version are shown, for the log."""
        state = self._settled.state
        return {"study": state.study or "", "version": state.version or ""}

    def is_at(self, query: str) -> bool:
        """Return whether the page's address has this query."""
        return self._words.get("query") == query

    def resume(self, query: str) -> None:
        """Show what the address says; the page has changed on another replica since."""
        self._answered = ""
        self.show(*read_query(query))

    def has_news(self) -> bool:
        """Return whether what has changed in the catalogue or in memory can change what this page shows."""
        key = self._settled.state.study or "", self._settled.wanted or ""
        absent, fault = self._versions.held(*key) is None, str(self._versions.failure(*key))
        # A version that was loaded may have been dropped again before this page was told.
        load = absent, fault, self._versions.is_loading(*key)
        return self._look(self._catalogue.snapshot, load) != self._known

    def refresh(self) -> None:
        """Show the same state with the catalogue as it is now, and tell what has happened since."""
        self.show(self._settled.state, self._notices, anew=False)

    def show(self, asked: ViewState, notices: tuple[str, ...] = (), *, anew: bool = True) -> None:
        """Show what is asked for, as far as it exists, and write it to the address.

        Figures that show it already are left as they are, but for `anew`: a reader may have changed them.
        """
        with batching(self._document):
            self._show(asked, notices, anew=anew)

    def _show(self, asked: ViewState, notices: tuple[str, ...], *, anew: bool) -> None:
        shown = (self._settled.state, self._settled.version) if not anew else None
        snapshot = self._catalogue.snapshot
        self._settled = settled = settle(asked, snapshot, self._versions)
        self._notices = notices = (*notices, *settled.notices)
        state, entry, version = settled.state, settled.entry, settled.version
        is_loading = False
        if entry is not None and settled.wanted is not None:
            is_loading = not self._versions.request(entry.name, settled.wanted).done()
        self._known = self._look(snapshot, (True, str(settled.fault), is_loading))
        if entry is not None and version is not None:
            words = wording.say_dashboard(state, version, entry, notices, settled.fault)
            words |= self._analyst.words(version)
            if (state, version) != shown:
                self._reader.show(state, version)
            if state.tab == "analyst":
                self._analyst.show(version)
        else:
            words = wording.say_without_version(settled, snapshot, notices)
        self._try_again_later()
        self._controls.show(state, version)
        self._say(words | {"answered": self._answered})

    @property
    def roots(self) -> tuple[BokehModel, ...]:
        """Return the models that become the document's roots, in the order of `ROOTS`."""
        analyst_roots = (root for _, root in self._analyst.roots)
        return (self._page, *self._controls.roots, *self._reader.roots, *analyst_roots)

    def _choose(self, chosen: dict[str, Any]) -> None:
        self.show(replace(self._settled.state, **chosen))

    def _choose_unit(self, unit: str) -> None:
        self._choose({"unit": unit})

    def _grant(self, query: str, number: str) -> None:
        """Follow a wish; another study starts from its own defaults, the page's looks are kept.

        Each wish is answered, also where it changes nothing: the page may show what was not granted.
        """
        self._answered = number
        before = self._settled.state
        asked, notices = read_query(query, before)
        if asked.study != before.study:
            missing = self._catalogue.snapshot.find_missing(asked.study)
            if missing is not None:
                self.show(before, (missing,))
                return
            fresh = replace(before, version=None, unit=None, change=None, compare=())
            asked, notices = read_query(query, fresh)
        self.show(asked, notices)

    def _look(self, snapshot: Snapshot, load: tuple[bool, str, bool]) -> object:
        """Return everything of the studies and of the version wanted that this page depends on."""
        study, wanted = self._settled.state.study, self._settled.wanted
        if study is None:
            return snapshot
        return snapshot.trouble, snapshot.find(study), not snapshot.entries, wanted and load

    def _try_again_later(self) -> None:
        """Look again for a version that could not be loaded; nothing announces that there is room for it."""
        if self._document is None or self._settled.fault is None or self._tries_again:
            return
        self._tries_again = True
        self._document.add_timeout_callback(self._try_again, round(1000 * self._settled.fault.retry_seconds))

    def _try_again(self) -> None:
        self._tries_again = False
        self.refresh()

    def _say(self, words: Words) -> None:
        if words != self._words:
            self._words = words
            self._page.data = {"name": list(words), "text": list(words.values())}
            self._label_document()

    def _label_document(self) -> None:
        if self._document is not None:
            self._document.title = self._words["document-title"]
            self._document.template_variables["words"] = self._words
