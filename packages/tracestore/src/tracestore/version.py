"""Directory of one version: completion on the disk, naming, and checking for damage."""

from contextlib import suppress
from pathlib import Path

from tracestore.durable import is_plain_directory, remove, sync_directory, sync_file, write_file
from tracestore.errors import PublishFailed, TraceCorrupt
from tracestore.manifest import MANIFEST_FILE, Manifest, ManifestDraft
from tracestore.records import check_files, describe_file, fitting_bytes, read_manifest

TEMPORARY_PREFIX = ".tmp-"


def complete_version(directory: Path, draft: ManifestDraft) -> Manifest:
    """Write the manifest for a directory's files, sync all files to the disk and verify them.

    Raises
    ------
    PublishFailed
        If the files are not `trace.nc` and other plain files, or do not read back.
    OSError
        If the disk reports an error.
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
    """Rename a complete directory to its final name and sync; on any error, restore the old name.

    A damaged version of the same name is removed.
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
    # Files that cannot be removed now are ordinary leftovers.
    with suppress(OSError):
        remove(damaged)


def whole_version(directory: Path) -> Manifest | None:
    """Return the manifest of a version if the version exists and is undamaged, or None.

    Raises
    ------
    OSError
        If the version cannot be read.
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
