"""Cheap stamps of studies' records, so that a reader who polls many studies opens only what has changed."""

import os
from pathlib import Path
from typing import NamedTuple

from tracestore.manifest import CURRENT_FILE, STATUS_FILE, WITHDRAWN_FILE
from tracestore.records import is_study_name


class FileStamp(NamedTuple):
    """Inode, time of the last change and size; the time is that of the inode, which nobody can set back."""

    inode: int
    changed_ns: int
    size: int


class Stamp(NamedTuple):
    """The records of one study, each None where there is none or it cannot be looked at.

    Two stamps of a study differ if one of these files was replaced, or changed in place, between them.
    """

    current: FileStamp | None
    status: FileStamp | None
    withdrawn: FileStamp | None


def read_stamps(root: Path) -> dict[str, Stamp]:
    """Read the stamp of every study below `root`, without opening a file.

    Raises
    ------
    OSError
        `root` cannot be listed.
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
        # One study that cannot be looked at must not hide the others; reading it tells the reason.
        return None
    return FileStamp(found.st_ino, found.st_ctime_ns, found.st_size)
