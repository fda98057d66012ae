"""Pointer `current.json`, replaced atomically so that a crash leaves the old or the new one."""

from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from tracestore.durable import removed_on_error, sync_directory, write_file
from tracestore.errors import TraceCorrupt
from tracestore.manifest import CURRENT_FILE, Current, utc_now
from tracestore.records import read_record, record_bytes
from tracestore.version import TEMPORARY_PREFIX, whole_version

PENDING_PREFIX = f"{TEMPORARY_PREFIX}current-"


def read_pointer(study: Path) -> Current | None:
    """Read the pointer of a study's directory; return None if no version has been published.

    Raises
    ------
    TraceCorrupt
        If the pointer is malformed.
    OSError
        If the pointer cannot be read.
    """
    try:
        return read_record(study / CURRENT_FILE, Current)
    except FileNotFoundError:
        return None


def served_version(study: Path) -> Current | None:
    """Read the pointer; return None if it is missing or damaged (the next pointer replaces it).

    Raises
    ------
    OSError
        If the pointer cannot be read.
    """
    try:
        return read_pointer(study)
    except TraceCorrupt:
        return None


def prepare_pointer(study: Path, version: str) -> Path:
    """Write a pointer to `version` beside the served pointer and sync it to the disk.

    The pointer is written before the version gets its name. If the process dies between the two renames
    that follow, `settle_pointer` finds the pointer and finishes the publish.
    """
    served = served_version(study)
    previous = served.version if served else None
    if served is not None and previous == version:
        previous = served.previous
    pointer = Current(version=version, previous=previous, published_at=utc_now())
    pending = study / f"{PENDING_PREFIX}{token_hex(4)}"
    with removed_on_error(pending):
        write_file(pending, record_bytes(pointer))
        sync_directory(study)
    return pending


def switch_pointer(study: Path, pending: Path) -> bytes | None:
    """Replace the served pointer with a prepared one; the caller must then call `confirm_pointer`.

    Returns
    -------
    bytes or None
        Content of the previously served pointer; None if there was none.
    """
    target = study / CURRENT_FILE
    try:
        before = target.read_bytes()
    except FileNotFoundError:
        before = None
    pending.replace(target)
    return before


def confirm_pointer(study: Path, before: bytes | None, pending: Path | None = None) -> None:
    """Sync a switched pointer to the disk; on failure, restore the previous pointer and raise.

    Readers may have followed the new pointer by then, so its version must stay. If `pending` is given,
    it is written again, so that the worker's next start serves that version.
    """
    try:
        sync_directory(study)
    except OSError:
        after = (study / CURRENT_FILE).read_bytes()
        with suppress(OSError):
            _put_back(study / CURRENT_FILE, before)
        if pending is not None:
            with suppress(OSError):
                write_file(pending, after)
        raise


def settle_pointer(study: Path, pending: Path) -> None:
    """Finish or drop a pointer that a dead publisher had prepared.

    The pointer is finished if its version exists undamaged, and if the served version is the same as when
    the pointer was prepared, or none.

    Raises
    ------
    OSError
        If the disk reports an error.
    """
    try:
        pointer = read_record(pending, Current)
    except TraceCorrupt:
        pending.unlink()
        return
    manifest = whole_version(study / pointer.version)
    served = served_version(study)
    unmoved = served is None or served.version == pointer.previous
    if manifest is not None and manifest.verdict.passed and unmoved:
        confirm_pointer(study, switch_pointer(study, pending), pending)
    else:
        pending.unlink()


def _put_back(target: Path, before: bytes | None) -> None:
    if before is None:
        target.unlink()
        return
    pending = target.with_name(f"{PENDING_PREFIX}{token_hex(4)}")
    with removed_on_error(pending):
        # The disk has just failed to sync, so only the pointer that readers see is restored.
        write_file(pending, before, sync=False)
        pending.replace(target)
