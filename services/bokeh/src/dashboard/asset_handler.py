"""Our own files, where no web server has them in front of us."""

from typing import Any, override

from bokeh.server.views.static_handler import AsyncStaticFileHandler

from dashboard.assets import YEAR_SECONDS
from dashboard.process import running
from dashboard.secured import SecuredHandler


class AssetHandler(SecuredHandler, AsyncStaticFileHandler):
    """Serves our own files where no web server does so in front of us."""

    @override
    def initialize(self, **_of_every_bokeh_handler: Any) -> None:  # type: ignore[override]
        super().initialize(path=str(running().assets.directory))

    @override
    def get_cache_time(self, *_args: Any) -> int:
        # Under another version's URL it would stay in browsers in place of that version.
        return YEAR_SECONDS if self.request.uri in running().assets.urls.values() else 0
