"""Writes the files under /static into a directory, for a web server that serves them in our place.

``python -m dashboard.static_tree DIR MAP``, run where ``assets/`` is. A file's URL carries a hash of its
content (``?v=...``), so each may be cached for good under that URL, and under no other: ``MAP`` tells nginx.
"""

import shutil
import sys
from pathlib import Path

from dashboard.assets import YEAR_SECONDS, Assets


def export_tree(directory: Path, assets: Assets) -> None:
    """Copy each file under /static to the same path under `directory`."""
    for path, source in assets.files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def write_caching(file: Path, assets: Assets) -> None:
    """Write the part of nginx's ``map`` from a URL to Cache-Control for these files, at its root."""
    caching = f"public, max-age={YEAR_SECONDS}, immutable"
    file.write_text("".join(f'"/{url}" "{caching}";\n' for url in assets.urls.values()))


def main(arguments: list[str]) -> int:
    """Export to the directory and the file named by the two arguments."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m dashboard.static_tree DIR MAP\n")
        return 2
    assets = Assets.find()
    export_tree(Path(arguments[0]), assets)
    write_caching(Path(arguments[1]), assets)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
