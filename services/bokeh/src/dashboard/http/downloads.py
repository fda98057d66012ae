"""The route of the files of a version, as browsers and notebooks save them."""

import asyncio
import logging

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from dashboard.application_state import ApplicationState
from dashboard.download_names import name_download
from dashboard.http.headers import has_copy
from dashboard.state import quote
from tracestore.errors import TraceCorrupt, VersionMissing
from tracestore.manifest import MANIFEST_FILE, TRACE_FILE, Manifest

log = logging.getLogger(__name__)

TYPES = {TRACE_FILE: "application/x-netcdf", MANIFEST_FILE: "application/json"}


class DownloadRoute:
    """Answers ``/download/<study>/<version>/<file>``, in parts where a client asks for a range."""

    def __init__(self, state: ApplicationState) -> None:
        self._state = state

    async def answer(self, request: Request) -> Response:
        """Answer the file, 304 where the client has it, 404 in words where it is not there or damaged."""
        study, version, file = (request.path_params[name] for name in ("study", "version", "file"))
        if file not in TYPES:
            return PlainTextResponse(f"404: expected one of the files {', '.join(TYPES)}\n", 404)
        try:
            if self._state.catalogue.snapshot.find(study) is None:
                raise VersionMissing(study)
            # Opened to see that it has the size of its manifest.
            manifest, opened = await asyncio.to_thread(self._state.store.open_trace, study, version)
            opened.close()
        except VersionMissing:
            return PlainTextResponse(
                f"There is no version “{quote(version)}” of a study “{quote(study)}” here (any more).\n", 404
            )
        except TraceCorrupt as error:
            log.error("download refused: %s", error)
            # Not a 5xx: the proxy would try all replicas in turn, and all have the same volume.
            return PlainTextResponse(
                f"Version {version} of {study} is damaged; the log of this service says how.\n", 404
            )
        return self._send(request, manifest, file)

    def _send(self, request: Request, manifest: Manifest, file: str) -> Response:
        # A version never changes: a saved copy of either file is good for as long as the trace has its hash.
        headers = {"Cache-Control": "no-cache", "ETag": f'"{manifest.files[TRACE_FILE].sha256}"'}
        if has_copy(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        path = self._state.settings.traces_dir / manifest.study.name / manifest.version / file
        name = name_download(manifest, file)
        return FileResponse(path, headers=headers, filename=name, media_type=TYPES[file])
