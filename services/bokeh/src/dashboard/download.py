"""The files of a version, as browsers and notebooks save them."""

import asyncio
import fcntl
import hashlib
import logging
import re
import struct
import termios
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, override

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPConnection
from tornado.iostream import StreamClosedError

from dashboard.addresses import TooMuch
from dashboard.admission import TAKE_SECONDS, let_go
from dashboard.download_names import name_download
from dashboard.process import running
from dashboard.secured import SecuredHandler
from dashboard.state import quote
from dashboard.traffic import traffic
from tracestore.errors import TraceCorrupt, VersionMissing
from tracestore.manifest import MANIFEST_FILE, TRACE_FILE
from tracestore.records import record_bytes
from tracestore.store import TraceStore

log = logging.getLogger(__name__)

CHUNK_BYTES = 262_144
"""What is in memory of a file that is being sent; the next is read once this has left."""

LOOK_SECONDS = 0.02
"""Between two looks at what the kernel still holds of a file."""

PATTERN = rf"/download/([^/]*)/([^/]*)/({re.escape(TRACE_FILE)}|{re.escape(MANIFEST_FILE)})"
"""Which names there may be is the store's to say: it makes no path of any other."""

TYPES = {TRACE_FILE: "application/x-netcdf", MANIFEST_FILE: "application/json"}


@dataclass(frozen=True)
class Parcel:
    """An open file on its way to a reader: what it is called there, its size and its SHA-256."""

    file: BinaryIO
    name: str
    size: int
    sha256: str


def open_parcel(store: TraceStore, study: str, version: str, file: str) -> Parcel:
    """Open a file of a version. Blocks: not for the event loop.

    Raises
    ------
    VersionMissing
        There is no such version.
    TraceCorrupt
        There is, and it is not what its manifest says.
    """
    if file == MANIFEST_FILE:
        manifest = store.manifest(study, version)
        content = record_bytes(manifest)
        digest = hashlib.sha256(content).hexdigest()
        return Parcel(BytesIO(content), name_download(manifest, file), len(content), digest)
    manifest, opened = store.open_trace(study, version)
    entry = manifest.files[file]
    return Parcel(opened, name_download(manifest, file), entry.size, entry.sha256)


def count_unsent(connection: HTTPConnection | None) -> int:
    """Count the bytes of a connection that the kernel holds and its other end has not; 0 once it closed."""
    stream = connection.stream if isinstance(connection, HTTP1Connection) else None
    if stream is None or stream.closed():
        return 0
    [count] = struct.unpack("i", fcntl.ioctl(stream.socket, termios.TIOCOUTQ, bytes(4)))
    return int(count)


class DownloadHandler(SecuredHandler):
    """Sends a file of a version in pieces, the next one read once the one before it has left."""

    @override
    def initialize(self, **_of_every_bokeh_handler: Any) -> None:
        self._parcel: Parcel | None = None

    async def get(self, study: str, version: str, file: str) -> None:
        """Answer the file, 304 where the reader has it, 404 in words where it is not there or damaged."""
        parcel = await self._open(study, version, file)
        if parcel is None:
            return
        traffic.pages += 1
        try:
            if not self.check_etag_header():
                await self._send(parcel)
            else:
                self.set_status(304)
        except StreamClosedError:
            log.info("a download of %s was broken off", parcel.name)
        except TimeoutError:
            log.info("a download of %s was let go: its client takes nothing", parcel.name)
            let_go(self.request.connection)
        finally:
            traffic.pages -= 1
            parcel.file.close()

    async def head(self, study: str, version: str, file: str) -> None:
        """Answer as for the file, without it."""
        parcel = await self._open(study, version, file)
        if parcel is not None:
            parcel.file.close()

    @override
    def compute_etag(self) -> str | None:
        return f'"{self._parcel.sha256}"' if self._parcel is not None else None

    async def _open(self, study: str, version: str, file: str) -> Parcel | None:
        process = running()
        store = TraceStore(process.settings.traces_dir)
        address = process.addresses.find(self.request.remote_ip)
        try:
            async with address.answering(address.changes):
                parcel = await asyncio.to_thread(open_parcel, store, study, version, file)
        except TooMuch:
            self.send_too_much()
            return None
        except VersionMissing:
            self._refuse(
                404, f"There is no version “{quote(version)}” of a study “{quote(study)}” here (any more)."
            )
            return None
        except TraceCorrupt as error:
            log.error("download refused: %s", error)
            # Not a 5xx: the proxy would try all replicas in turn, and all have the same volume.
            self._refuse(404, f"Version {version} of {study} is damaged; the log of this service says how.")
            return None
        self._parcel = parcel
        # A version never changes, so that a saved one is good for as long as its hash is the same.
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Type", TYPES[file])
        self.set_header("Content-Disposition", f'attachment; filename="{parcel.name}"')
        self.set_header("Content-Length", str(parcel.size))
        self.set_etag_header()
        return parcel

    async def _send(self, parcel: Parcel) -> None:
        while chunk := await asyncio.to_thread(parcel.file.read, CHUNK_BYTES):
            self.write(chunk)
            async with asyncio.timeout(TAKE_SECONDS):
                await self.flush()
        await self._until_taken()

    async def _until_taken(self) -> None:
        """Wait until the other end has all that was written.

        The kernel takes megabytes at once, and when this process ends they are lost with the network of its
        container: a slow reader would be left with a part of the file.
        """
        left = count_unsent(self.request.connection)
        while left:
            async with asyncio.timeout(TAKE_SECONDS):
                while (now := count_unsent(self.request.connection)) >= left:
                    await asyncio.sleep(LOOK_SECONDS)
            left = now

    def _refuse(self, status: int, reason: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.write(f"{reason}\n")
