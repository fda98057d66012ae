"""Durable files and directories: once a call returns, they are on the disk and readable by every user.

Every `OSError` raised here names its path; errors of `fsync` and `write` otherwise have none.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Set by chmod, because the umask removes bits from the modes passed to open and mkdir: the dashboard and
# the worker run as different users.
FILE_MODE = 0o644
DIRECTORY_MODE = 0o755


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Set the path of an `OSError` raised in the block if the error has none."""
    try:
        yield
    except OSError as error:
        # An error without a number, as libraries raise it, would lose its text to the path.
        if error.errno is not None and not isinstance(error.filename, str):
            error.filename = str(path)
        raise


def make_directory(path: Path) -> None:
    """Create one directory; raise `FileExistsError` if the name is already taken."""
    with named(path):
        path.mkdir(mode=DIRECTORY_MODE)
        path.chmod(DIRECTORY_MODE)


def open_to_readers(path: Path) -> None:
    """Make a directory readable by every user, in case its creator died before doing so."""
    with named(path):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & DIRECTORY_MODE != DIRECTORY_MODE:
            path.chmod(mode | DIRECTORY_MODE)


def write_file(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a new file and sync its content to the disk unless `sync` is False.

    The file's name is on the disk only after `sync_directory` of its parent.
    """
    with named(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, FILE_MODE)
            file.write(content)
            if sync:
                file.flush()
                os.fsync(descriptor)


def sync_file(path: Path) -> None:
    """Sync an existing file to the disk and make it readable by every user."""
    with named(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(descriptor, FILE_MODE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Sync a directory's entries to the disk: created, renamed and removed names."""
    with named(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_plain_file(path: Path) -> bool:
    """Return True if the path is a regular file and not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_plain_directory(path: Path) -> bool:
    """Return True if the path is a directory and not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def remove(path: Path) -> None:
    """Remove a file, or a directory with its contents; do nothing if the path does not exist."""
    if is_plain_directory(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def removed_on_error(path: Path, error: type[BaseException] = BaseException) -> Iterator[None]:
    """Remove unfinished work if the block fails with `error`; ignore disk errors of the removal."""
    try:
        yield
    except error:
        with suppress(OSError):
            remove(path)
        raise
