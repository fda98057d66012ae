"""Files and directories that are on the disk, and readable by every user, once a call has returned.

Every `OSError` raised here names the path it is about, which those of `fsync` and `write` otherwise
do not.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Set by chmod, because the umask of the process would take bits from what open and mkdir are given:
# the dashboard reads as another user than the worker writes.
FILE_MODE = 0o644
DIRECTORY_MODE = 0o755


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Give an `OSError` raised inside, which may know no path, the path it is about."""
    try:
        yield
    except OSError as error:
        # One without a number, as libraries raise them, would lose its text to the path.
        if error.errno is not None and not isinstance(error.filename, str):
            error.filename = str(path)
        raise


def make_directory(path: Path) -> None:
    """Make one directory; `FileExistsError` if there is anything of that name already."""
    with named(path):
        path.mkdir(mode=DIRECTORY_MODE)
        path.chmod(DIRECTORY_MODE)


def open_to_readers(path: Path) -> None:
    """Make a directory readable by every user, should whoever made it have died before that."""
    with named(path):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & DIRECTORY_MODE != DIRECTORY_MODE:
            path.chmod(mode | DIRECTORY_MODE)


def write_file(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file that was not there, and bring its content to the disk unless `sync` is False.

    Its name is on the disk only after `sync_directory` of its parent.
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
    """Bring a file that somebody else has written to the disk, and make it readable by all."""
    with named(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(descriptor, FILE_MODE)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Bring the names in a directory to the disk: what was made, renamed or removed there."""
    with named(path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def is_plain_file(path: Path) -> bool:
    """Tell whether there is a regular file of that name, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_plain_directory(path: Path) -> bool:
    """Tell whether there is a directory of that name, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def remove(path: Path) -> None:
    """Remove a file or a directory with all that is in it; nothing happens if it is not there."""
    if is_plain_directory(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def removed_on_error(path: Path, error: type[BaseException] = BaseException) -> Iterator[None]:
    """Take unfinished work away when the block fails with `error`, as far as the disk lets it go."""
    try:
        yield
    except error:
        with suppress(OSError):
            remove(path)
        raise
