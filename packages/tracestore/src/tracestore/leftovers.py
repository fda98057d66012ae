"""Leftovers: unfinished work in a study's directory from publishers that died."""

from pathlib import Path

from tracestore.durable import remove, sync_directory
from tracestore.pointer import PENDING_PREFIX, settle_pointer
from tracestore.version import TEMPORARY_PREFIX

STATUS_PREFIX = f"{TEMPORARY_PREFIX}status-"


def find_leftovers(study: Path) -> list[Path]:
    """Return the unfinished work of publishing, rolling back and retiring."""
    return [path for path in _unfinished(study) if not path.name.startswith(STATUS_PREFIX)]


def find_status_leftovers(study: Path) -> list[Path]:
    """Return the unfinished work of writing the status, which has its own lock."""
    return [path for path in _unfinished(study) if path.name.startswith(STATUS_PREFIX)]


def clear(study: Path, leftovers: list[Path]) -> None:
    """Remove unfinished work, but finish a pointer whose version exists; sync to the disk.

    Raises
    ------
    OSError
        If the disk reports an error.
    """
    for path in leftovers:
        if path.name.startswith(PENDING_PREFIX):
            settle_pointer(study, path)
        else:
            remove(path)
    if leftovers:
        sync_directory(study)


def _unfinished(study: Path) -> list[Path]:
    return sorted(path for path in study.iterdir() if path.name.startswith(TEMPORARY_PREFIX))
