"""The catalogue and the study's version, which all sessions of the plain application share."""

import os
from pathlib import Path

from bokeh.themes import Theme

from dashboard.catalogue import Catalogue, VersionCache
from tracestore.store import TraceStore

STUDY = os.environ["STUDY"]
MEMORY_BYTES = 256 * 2**20

STORE = TraceStore(Path("/traces"))
THEME = Theme(filename="app/theme.yaml")
VERSIONS = VersionCache(STORE, MEMORY_BYTES)
CATALOGUE = Catalogue(STORE, VERSIONS)
VERSIONS.request(STUDY, STORE.current(STUDY).version).result()
CATALOGUE.poll()
