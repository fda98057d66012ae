"""Somebody who saves a trace over a slow line: how much of it is taken, and when, is a test's to say."""

import hashlib
import socket
import ssl
from contextlib import suppress
from http.client import HTTPResponse
from typing import Self

from faults.access import find_address
from stack import Stack

RECEIVE_BYTES = 4_096
PIECE_BYTES = 65_536


class Saving:
    """A trace on its way, of which no more is read than is asked for.

    The proxy is asked at its own address: on the way from there the kernel takes some five megabytes by
    itself, and by the port that is published, behind which the engine has a program, more than a trace.

    Attributes
    ----------
    replica
        The replica that sends it.
    outstanding
        Bytes that have not been read yet.
    """

    def __init__(self, stack: Stack, path: str, cookie: str) -> None:
        [proxy] = stack.containers("traefik")
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        line.settimeout(20)
        line.connect((find_address(stack, proxy, "public"), 8443))
        trust = ssl.create_default_context(cafile=str(stack.ca))
        self._line = trust.wrap_socket(line, server_hostname="localhost")
        head = [f"GET {path} HTTP/1.1", f"Host: localhost:{stack.https_port}", f"Cookie: {cookie}", "", ""]
        self._line.sendall("\r\n".join(head).encode())
        self._answer = HTTPResponse(self._line)
        self._answer.begin()
        assert self._answer.status == 200, self._answer.status
        self.replica = self._answer.headers["X-Longitude-Replica"]
        self.size = int(self._answer.headers["Content-Length"])
        self.outstanding = self.size
        self._hash = hashlib.sha256()

    @property
    def is_whole(self) -> bool:
        """Whether all of it was read, and is what its name says."""
        return self._answer.headers["ETag"] == f'"{self._hash.hexdigest()}"'

    def read(self, size: int) -> int:
        """Read so much more of it; give how much came, which is less only where it has ended."""
        piece = self._answer.read(size)
        self._hash.update(piece)
        self.outstanding -= len(piece)
        return len(piece)

    def read_rest(self) -> None:
        """Read on until it ends, whole or not."""
        with suppress(OSError):
            while self.read(PIECE_BYTES):
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
