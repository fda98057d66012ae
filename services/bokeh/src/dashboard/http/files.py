"""The route of our own files, where no web server has them in front of the replicas."""

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from dashboard.assets import YEAR_SECONDS, Assets


class FileRoute:
    """Answers ``/static/<path>`` for the files that pages load, and for no other."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    async def answer(self, request: Request) -> Response:
        """Answer a file; it is kept by browsers under the address that names its content, and no other."""
        path = request.path_params["path"]
        file = self._assets.files.get(path)
        if file is None:
            return PlainTextResponse("404: Not Found\n", 404)
        own = self._assets.urls[path] == f"static/{path}?{request.url.query}"
        caching = f"public, max-age={YEAR_SECONDS}, immutable" if own else "no-cache"
        return FileResponse(file, headers={"Cache-Control": caching})
