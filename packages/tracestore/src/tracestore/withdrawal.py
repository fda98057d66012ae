"""The record that a study is withdrawn, and the removal of a study from the store."""

from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from tracestore.durable import remove, removed_on_error, sync_directory, write_file
from tracestore.errors import TraceCorrupt
from tracestore.manifest import WITHDRAWN_FILE, Withdrawal, WithdrawalReason, utc_now
from tracestore.records import read_record, record_bytes
from tracestore.version import TEMPORARY_PREFIX

WITHDRAWAL_PREFIX = f"{TEMPORARY_PREFIX}withdrawn-"
REMOVED_PREFIX = f"{TEMPORARY_PREFIX}removed-"


def write_withdrawal(study: Path, reason: WithdrawalReason) -> None:
    """Withdraw the study of a directory, on the disk on return.

    One that is withdrawn already keeps its date; "command" replaces "folder", and not the other way
    round. A damaged record is replaced.

    Raises
    ------
    OSError
        The disk refused. A study that was not withdrawn before is not, as far as the disk allows.
    """
    before = _standing(study)
    if before is not None and reason in (before.reason, "folder"):
        sync_directory(study)
        return
    since = before.withdrawn_at if before else utc_now()
    target = study / WITHDRAWN_FILE
    pending = study / f"{WITHDRAWAL_PREFIX}{token_hex(4)}"
    with removed_on_error(pending):
        write_file(pending, record_bytes(Withdrawal(study=study.name, withdrawn_at=since, reason=reason)))
        pending.replace(target)
    try:
        sync_directory(study)
    except OSError:
        if before is None:
            with suppress(OSError):
                target.unlink()
        raise


def lift_withdrawal(study: Path) -> None:
    """Take the record of a withdrawal away, on the disk on return; nothing happens if there is none.

    Raises
    ------
    OSError
        The disk refused; the study is withdrawn as before, as far as the disk allows.
    """
    target = study / WITHDRAWN_FILE
    lifted = study / f"{WITHDRAWAL_PREFIX}{token_hex(4)}"
    try:
        target.rename(lifted)
    except FileNotFoundError:
        return
    try:
        sync_directory(study)
    except OSError:
        with suppress(OSError):
            lifted.rename(target)
        raise
    # What cannot go now is a leftover like any other.
    with suppress(OSError):
        remove(lifted)


def hide_study(study: Path) -> Path:
    """Rename a study's directory to a name that no reader lists, on the disk on return.

    Returns
    -------
    Path
        Its new name, to be removed.

    Raises
    ------
    OSError
        The disk refused; the study is there as before, as far as the disk allows.
    """
    hidden = study.with_name(f"{REMOVED_PREFIX}{study.name}-{token_hex(4)}")
    study.rename(hidden)
    try:
        sync_directory(study.parent)
    except OSError:
        with suppress(OSError):
            hidden.rename(study)
        raise
    return hidden


def find_removed(root: Path) -> list[Path]:
    """List studies whose removal was not finished."""
    return sorted(path for path in root.iterdir() if path.name.startswith(REMOVED_PREFIX))


def remove_hidden(hidden: Path) -> None:
    """Remove a study that `hide_study` has renamed; another process may be removing it as well."""
    with suppress(FileNotFoundError):
        remove(hidden)


def _standing(study: Path) -> Withdrawal | None:
    try:
        return read_record(study / WITHDRAWN_FILE, Withdrawal)
    except (FileNotFoundError, TraceCorrupt):
        return None
