"""Cheap stamps of studies' records: a reader that polls many studies opens only the changed ones."""

import os
from pathlib import Path
from typing import NamedTuple

from tracestore.manifest import CURRENT_FILE, STATUS_FILE, WITHDRAWN_FILE
from tracestore.records import is_study_name


class FileStamp(NamedTuple):
    """Inode, ctime and size of a file; no process can set the ctime back."""

    inode: int
    changed_ns: int
    size: int


class Stamp(NamedTuple):
    """The file stamps of one study's records, each None if the file is missing or inaccessible.

    Two stamps of a study differ if one of these files was replaced or changed in place between them.
    """

    current: FileStamp | None
    status: FileStamp | None
    withdrawn: FileStamp | None


def read_stamps(root: Path) -> dict[str, Stamp]:
    """Read the stamp of every study below `root` without opening a file.

    Raises
    ------
    OSError
        If `root` cannot be listed.
    """
    with os.scandir(root) as entries:
        names = [
            entry.name
            for entry in entries
            if is_study_name(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
    return {
        name: Stamp(
            _stamp(f"{root}/{name}/{CURRENT_FILE}"),
            _stamp(f"{root}/{name}/{STATUS_FILE}"),
            _stamp(f"{root}/{name}/{WITHDRAWN_FILE}"),
        )
        for name in sorted(names)
    }


def _stamp(path: str) -> FileStamp | None:
    try:
        found = os.lstat(path)
    except OSError:
        # One inaccessible study must not hide the others; reading the study raises the reason.
        return None
    return FileStamp(found.st_ino, found.st_ctime_ns, found.st_size)
