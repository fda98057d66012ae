"""Names of the files of a version, where readers ask for them and where they save them."""

from tracestore.manifest import Manifest


def name_download(manifest: Manifest, file: str) -> str:
    """Name a saved file so that it tells what it is of."""
    return f"longitude-{manifest.study.name}-{manifest.version}-{file}"


def locate_download(manifest: Manifest, file: str) -> str:
    """Return the address of a version's file, relative to the page's."""
    return f"download/{manifest.study.name}/{manifest.version}/{file}"
