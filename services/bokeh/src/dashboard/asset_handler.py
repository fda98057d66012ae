"""Our own files, where no web server has them in front of us."""

from typing import Any, override

from bokeh.server.views.static_handler import AsyncStaticFileHandler

from dashboard.process import running
from dashboard.secured import SecuredHandler

YEAR_SECONDS = 31_536_000


class AssetHandler(SecuredHandler, AsyncStaticFileHandler):
    """Serves our own files where no web server does so in front of us."""

    @override
    def initialize(self, **_of_every_bokeh_handler: Any) -> None:  # type: ignore[override]
        super().initialize(path=str(running().assets.directory))

    @override
    def get_cache_time(self, *_args: Any) -> int:
        return YEAR_SECONDS if "v" in self.request.arguments else 0
