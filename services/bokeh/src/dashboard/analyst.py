"""The analyst's tab of one page: empty until it is first opened, then filled section by section."""

import asyncio
from functools import partial
from importlib.resources import files
from itertools import batched

from bokeh.document import without_document_lock
from bokeh.models.css import InlineStyleSheet
from bokeh.models.layouts import Column
from bokeh.models.ui import UIElement
from bokeh.models.widgets import Div

from dashboard.analysis import analyse
from dashboard.analyst_account import write_account
from dashboard.analyst_sections import Section, write_sections
from dashboard.catalogue import VersionCache
from dashboard.copies import PagePart, Prototype
from dashboard.live.internals import discard, is_open, replacing
from dashboard.markup import write_paragraphs
from dashboard.versions import LoadedVersion
from tracestore.errors import TraceCorrupt

NAMES = (
    *("analyst-sampling", "analyst-chains", "analyst-energy"),
    *("analyst-replicates", "analyst-checks", "analyst-priors"),
    *("analyst-residuals", "analyst-leave-one-out", "analyst-least-squares"),
    *("analyst-download", "analyst-model", "analyst-provenance"),
)
"""Names of the roots, in their order; each is put into the element of the id ``slot-<name>``."""

WORDS = ("analyst-lead",)
"""The words this tab adds to the page's; all else it says travels only once the tab is open."""

SECTIONS_AT_A_TIME = 3
"""Sections put into a page in one turn of the event loop: each turn looks through the document once."""

STYLE = files("dashboard").joinpath("analyst.css").read_text()

Filled = tuple[str, list[UIElement]]
"""The name of a root, and the models in it."""


class Sections(PagePart):
    """The contents of the roots of the tab, to be copied into pages."""

    def __init__(self, filled: tuple[Filled, ...]) -> None:
        self.filled = filled


class AnalystTab(PagePart):
    """The roots of the tab, and the version that they show.

    The sections are made when the tab is first opened for a version: on another thread and without the
    document's lock, as copies of what `versions` keeps beside the version. A few are put in at a time, so
    that the page's controls are not held for long.
    """

    def __init__(self, versions: VersionCache) -> None:
        self._versions = versions
        self._columns = {name: Column(name=name, sizing_mode="stretch_width") for name in NAMES}
        self._shown: str | None = None
        self._filling = 0

    @property
    def roots(self) -> tuple[tuple[str, UIElement], ...]:
        """The roots by name, in the order of `NAMES`."""
        return tuple(self._columns.items())

    def words(self, version: LoadedVersion) -> dict[str, str]:
        """Return the words that the template has of this tab."""
        manifest = version.manifest
        verdict = "passed" if manifest.verdict.passed else "did not pass"
        return {
            "analyst-lead": (
                f"Version {manifest.version} {verdict} the checks of its sampling. What speaks for and "
                f"against the model, how the version was made, and the draws themselves:"
            )
        }

    def show(self, version: LoadedVersion) -> None:
        """Start to fill the tab for a version that it does not show already.

        This does nothing while the page is being made; the page calls again once it is attached.
        """
        document = self._columns[NAMES[0]].document
        if document is None or version.address == self._shown:
            return
        self._shown, self._filling = version.address, (filling := self._filling + 1)
        # Another version's sections would be taken for this one's until they are replaced.
        with replacing(*self._columns.values()), document.models.freeze():
            for column in self._columns.values():
                column.children = []
            self._columns[NAMES[0]].children = [_write(write_paragraphs("Reading the draws …"))]

        def is_wanted() -> bool:
            return filling == self._filling and is_open(document)

        def make() -> tuple[Filled, ...]:
            return make_sections(self._versions, version) if is_wanted() else ()

        @without_document_lock
        async def fill() -> None:
            if not is_wanted():
                return
            made = await asyncio.get_running_loop().run_in_executor(self._versions.aside, make)
            for some in batched(made, SECTIONS_AT_A_TIME, strict=False):
                if is_open(document):
                    document.add_next_tick_callback(partial(self._put, filling, some))
                else:
                    _discard_all(some)

        document.add_next_tick_callback(fill)

    def _put(self, filling: int, some: tuple[Filled, ...]) -> None:
        document = self._columns[NAMES[0]].document
        if filling != self._filling or document is None:
            _discard_all(some)
            return
        with replacing(*(self._columns[name] for name, _ in some)), document.models.freeze():
            for name, children in some:
                self._columns[name].children = list(children)


def make_sections(versions: VersionCache, version: LoadedVersion) -> tuple[Filled, ...]:
    """Return the models of each root for a version, by name. Blocks: not for the event loop.

    Where the trace cannot be read any more, sections that rest on it say so.
    """
    try:
        return versions.derive(version, prepare_sections).copy().filled
    except TraceCorrupt:
        account = write_account(version.manifest)
        lost = write_paragraphs("The trace of this version cannot be read any more.")
        known = {name for name, _ in account}
        return _draw((*((name, (lost,)) for name in NAMES if name not in known), *account))


def prepare_sections(version: LoadedVersion) -> Prototype[Sections]:
    """Build the models that are copied into all pages of a version. Blocks for a second or two.

    Raises
    ------
    TraceCorrupt
        When the trace cannot be read any more.
    """
    manifest = version.manifest
    sections = Sections(_draw((*write_sections(manifest, analyse(version)), *write_account(manifest))))
    return Prototype(sections, (model for _, children in sections.filled for model in children))


def _draw(sections: tuple[Section, ...]) -> tuple[Filled, ...]:
    style = InlineStyleSheet(css=STYLE)
    return tuple(
        (name, [_write(piece, style) if isinstance(piece, str) else piece for piece in pieces])
        for name, pieces in sections
    )


def _discard_all(some: tuple[Filled, ...]) -> None:
    discard(model for _, children in some for model in children)


def _write(html: str, *styles: InlineStyleSheet) -> Div:
    return Div(text=html, disable_math=True, sizing_mode="stretch_width", stylesheets=list(styles))
