"""Pages that are ready, one for each study, of which every visitor gets a copy."""

from dashboard.copies import copy_part
from dashboard.holdings import collect_models, drop_empty
from dashboard.page import Page
from dashboard.state import read_query
from dashboard.traces import TraceCache
from dashboard.versions import LoadedVersion


class PreparedPages:
    """The pages of the versions that are current, each made when it is first asked for.

    Parameters
    ----------
    cache
        The process's traces.
    """

    def __init__(self, cache: TraceCache) -> None:
        self._cache = cache
        self._ready: dict[str, tuple[LoadedVersion, Page]] = {}

    def open(self, query: str) -> Page:
        """Make the page of a query, on any thread."""
        ready = self._find(read_query(query)[0].study)
        if ready is None:
            return Page(self._cache, query)
        page = copy_part(ready)
        page.show(*read_query(query))
        return page

    def _find(self, study: str | None) -> Page | None:
        """Give the page of a study's current version; None where there is no such thing."""
        current = {now.name: now.current for now in self._cache.shelf.studies if now.current is not None}
        version = current.get(study) if study is not None else next(iter(current.values()), None)
        # What is not current any more is let go of, with the draws that it holds.
        ready = {name: held for name, held in self._ready.items() if held[0] is current.get(name)}
        name = version.manifest.study.name if version is not None else ""
        if version is not None and name not in ready:
            page = Page(self._cache, f"study={name}")
            drop_empty(collect_models(page.roots))
            ready[name] = (version, page)
        # Replaced as a whole, as several threads may be here: who comes late makes a page twice.
        self._ready = ready
        return ready[name][1] if version is not None else None
