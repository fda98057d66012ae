"""The catalogue: the published studies from their manifests, and the versions whose draws are in memory.

A replica knows every study of the store, and holds the draws of those that somebody looks at, bounded in
bytes. `Catalogue` follows the store from a thread of its own and replaces its `Snapshot` as a whole;
`VersionCache` loads versions, counts their bytes, and keeps what is prepared of each beside it. Pages,
tables, lists, readiness and metrics import this package. It imports the effects and the texts of a study, and
nothing of the server or of a page.
"""

from dashboard.catalogue.catalogue import Catalogue
from dashboard.catalogue.entries import Entry, Snapshot, choose_front
from dashboard.catalogue.version_cache import VersionCache, VersionUnavailable

__all__ = ("Catalogue", "Entry", "Snapshot", "VersionCache", "VersionUnavailable", "choose_front")
