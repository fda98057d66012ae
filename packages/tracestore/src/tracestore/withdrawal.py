"""Record of a study's withdrawal, and removal of a study from the store."""

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
    """Write the withdrawal of a directory's study and sync it to the disk.

    A study that is already withdrawn keeps its date; "command" replaces "folder", never the reverse. A
    damaged record is replaced.

    Raises
    ------
    OSError
        If the disk reports an error. As far as the disk allows, a new withdrawal is undone.
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
    """Remove the record of a withdrawal and sync to the disk; do nothing if there is none.

    Raises
    ------
    OSError
        If the disk reports an error. As far as the disk allows, the study stays withdrawn.
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
    # A record that cannot be removed now is an ordinary leftover.
    with suppress(OSError):
        remove(lifted)


def hide_study(study: Path) -> Path:
    """Rename a study's directory to a name that no reader lists, and sync to the disk.

    Returns
    -------
    Path
        New path of the directory, to be removed by the caller.

    Raises
    ------
    OSError
        If the disk reports an error. As far as the disk allows, the old name is restored.
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
    """Return the directories of studies whose removal was not finished."""
    return sorted(path for path in root.iterdir() if path.name.startswith(REMOVED_PREFIX))


def remove_hidden(hidden: Path) -> None:
    """Remove a study renamed by `hide_study`; another process may be removing it at the same time."""
    with suppress(FileNotFoundError):
        remove(hidden)


def _standing(study: Path) -> Withdrawal | None:
    try:
        return read_record(study / WITHDRAWN_FILE, Withdrawal)
    except (FileNotFoundError, TraceCorrupt):
        return None
