"""The pointer `current.json`, and how it is moved so that a crash leaves it old or new."""

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
    """Read the pointer of a study's directory; None when nothing is published yet.

    Raises
    ------
    TraceCorrupt
        The pointer has not the form.
    OSError
        It cannot be read.
    """
    try:
        return read_record(study / CURRENT_FILE, Current)
    except FileNotFoundError:
        return None


def served_version(study: Path) -> Current | None:
    """Read the pointer; a damaged one names nothing, and the next one written replaces it.

    Raises
    ------
    OSError
        It cannot be read.
    """
    try:
        return read_pointer(study)
    except TraceCorrupt:
        return None


def prepare_pointer(study: Path, version: str) -> Path:
    """Write the pointer to `version` beside the one that is served, and bring it to the disk.

    It is written before the version gets its name: should the process die between the two renames
    that follow, `settle_pointer` finds it and the publish is finished instead of half done.
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
    """Let a prepared pointer be the one that is served; `confirm_pointer` has to follow.

    Returns
    -------
    bytes or None
        The content of the pointer that was served before; None when there was none.
    """
    target = study / CURRENT_FILE
    try:
        before = target.read_bytes()
    except FileNotFoundError:
        before = None
    pending.replace(target)
    return before


def confirm_pointer(study: Path, before: bytes | None, pending: Path | None = None) -> None:
    """Bring a switched pointer to the disk, or put back the one before it and raise.

    Readers may have followed the new pointer by then, so its version must stay. For that version to
    be served at the worker's next start, `pending` is written once more if it is given.
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

    It is finished if its version is there and whole, and what is served is still what was served
    when it was prepared.

    Raises
    ------
    OSError
        The disk refused.
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
        # The disk has just refused to sync; what counts now is what readers are given.
        write_file(pending, before, sync=False)
        pending.replace(target)
