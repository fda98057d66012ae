"""Locks between processes that write the same study; the kernel frees them when their holder dies."""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from tracestore.durable import FILE_MODE, named

_POLL_SECONDS = 0.02


class Occupied(Exception):
    """Another publisher held the lock for longer than the caller's patience."""


@contextmanager
def hold(path: Path, patience: timedelta) -> Iterator[None]:
    """Hold the lock `path` exclusively for the duration of the block.

    The lock file stays after the lock is released: removing it would let two holders lock two files of
    the same name.

    Parameters
    ----------
    path
        The lock file, created if missing.
    patience
        Maximum wait while another process holds the lock; zero tries once.

    Raises
    ------
    Occupied
        If another process held the lock all that time.
    OSError
        If the lock file cannot be created or locked; the error names the path.
    """
    deadline = time.monotonic() + patience.total_seconds()
    with named(path):
        descriptor = _open(path)
    try:
        with named(path):
            _wait(descriptor, path, deadline)
            # The study may have been removed during the wait, together with the opened lock file.
            while not _is_named(descriptor, path):
                stale, descriptor = descriptor, _open(path)
                os.close(stale)
                _wait(descriptor, path, deadline)
        yield
    finally:
        # An explicit unlock also covers copies of the descriptor in forked children. An error here still
        # frees the lock and must not hide an error of the block.
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        with suppress(OSError):
            os.close(descriptor)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, FILE_MODE)


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _wait(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            if time.monotonic() >= deadline:
                raise Occupied(str(path)) from None
            time.sleep(_POLL_SECONDS)
        else:
            return
