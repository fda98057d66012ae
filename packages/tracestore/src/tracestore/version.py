"""The directory of one version: completed on the disk, given its name, found whole or damaged."""

from contextlib import suppress
from pathlib import Path

from tracestore.durable import is_plain_directory, remove, sync_directory, sync_file, write_file
from tracestore.errors import PublishFailed, TraceCorrupt
from tracestore.manifest import MANIFEST_FILE, Manifest, ManifestDraft
from tracestore.records import check_files, describe_file, fitting_bytes, read_manifest

TEMPORARY_PREFIX = ".tmp-"


def complete_version(directory: Path, draft: ManifestDraft) -> Manifest:
    """Make what was written into a version in all but its name, on the disk and read back.

    Raises
    ------
    PublishFailed
        What was written is not `trace.nc` and other plain files, or does not read back.
    OSError
        The disk refused.
    """
    manifest = _describe(directory, draft)
    for name in manifest.files:
        sync_file(directory / name)
    path = directory / MANIFEST_FILE
    write_file(path, fitting_bytes(manifest, path))
    sync_directory(directory)
    try:
        if read_manifest(directory, manifest.study.name, manifest.version) != manifest:
            raise TraceCorrupt(f"{path}: is not what was written")
        check_files(directory, manifest)
    except TraceCorrupt as error:
        raise PublishFailed(f"What was written does not read back: {error}") from error
    return manifest


def name_version(temporary: Path, final: Path) -> None:
    """Give a complete directory its name, on the disk; on any error it has its old name again.

    A damaged version that has the name is taken away.
    """
    damaged = final.with_name(f"{TEMPORARY_PREFIX}damaged-{final.name}")
    if final.exists(follow_symlinks=False):
        final.rename(damaged)
    try:
        temporary.rename(final)
        sync_directory(final.parent)
    except BaseException:
        with suppress(OSError):
            final.rename(temporary)
        with suppress(OSError):
            damaged.rename(final)
        raise
    # What cannot go now is a leftover like any other.
    with suppress(OSError):
        remove(damaged)


def whole_version(directory: Path) -> Manifest | None:
    """Give the manifest of a version if it is there and undamaged.

    Raises
    ------
    OSError
        It cannot be read.
    """
    if not is_plain_directory(directory):
        return None
    try:
        manifest = read_manifest(directory, directory.parent.name, directory.name)
        check_files(directory, manifest)
    except (TraceCorrupt, FileNotFoundError):
        return None
    return manifest


def _describe(directory: Path, draft: ManifestDraft) -> Manifest:
    paths = sorted(directory.iterdir())
    try:
        files = {path.name: describe_file(path) for path in paths}
        return Manifest.model_validate({**dict(draft), "version": draft.identity.version(), "files": files})
    except (ValueError, TraceCorrupt) as error:
        raise PublishFailed(f"{directory}: what was written is no version: {error}") from error
