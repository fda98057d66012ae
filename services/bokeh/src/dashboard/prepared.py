"""Pages that are ready, one for each version in memory, of which every visitor gets a copy."""

from dashboard.catalogue import Catalogue, VersionCache
from dashboard.copies import Prototype
from dashboard.page import Page
from dashboard.settling import settle
from dashboard.state import ViewState, read_query
from dashboard.versions import LoadedVersion


class PreparedPages:
    """Copies the pages of versions, each of which is made once, right after its version was loaded.

    The versions in memory keep the pages that are made of them.
    """

    def __init__(self, catalogue: Catalogue, versions: VersionCache) -> None:
        self._catalogue, self._versions = catalogue, versions
        blank = Page(catalogue, versions)
        self._blank = Prototype(blank, blank.roots)
        versions.prepare_with(self.prepare)

    def open(self, query: str) -> Page:
        """Make the page of a query, on any thread."""
        asked, notices = read_query(query)
        version = settle(asked, self._catalogue.snapshot, self._versions).version
        prototype = self._blank if version is None else self._versions.derive(version, self.prepare)
        page = prototype.copy()
        page.show(asked, notices)
        return page

    def prepare(self, version: LoadedVersion) -> Prototype[Page]:
        """Make the page of a version, to be copied."""
        page = Page(self._catalogue, self._versions)
        page.show(ViewState(version.manifest.study.name, version.name))
        return Prototype(page, page.roots)
