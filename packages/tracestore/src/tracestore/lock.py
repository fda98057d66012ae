"""Locks between processes that write one study; the kernel frees them when their holder dies."""

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
    """Another publisher held the lock for longer than one was willing to wait."""


@contextmanager
def hold(path: Path, patience: timedelta) -> Iterator[None]:
    """Hold the lock `path` exclusively for the time of the block.

    The lock file stays when the lock is gone: removing it would let two holders lock two files of
    one name.

    Parameters
    ----------
    path
        The lock file, made if it is not there.
    patience
        How long to wait while somebody else holds it; zero asks once.

    Raises
    ------
    Occupied
        Somebody else held it all that time.
    OSError
        The lock file cannot be made or locked; it names the path.
    """
    deadline = time.monotonic() + patience.total_seconds()
    with named(path):
        descriptor = _open(path)
    try:
        with named(path):
            _wait(descriptor, path, deadline)
            # The study may have been removed, with the lock file that was opened, while one waited for it.
            while not _is_named(descriptor, path):
                stale, descriptor = descriptor, _open(path)
                os.close(stale)
                _wait(descriptor, path, deadline)
        yield
    finally:
        # Unlocking by name reaches copies of the descriptor that a forked child may still have; an
        # error here frees the lock all the same and must not hide what the block said.
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
