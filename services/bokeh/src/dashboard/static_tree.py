"""Writes the files under /static into a directory, for a web server that serves them in our place.

``python -m dashboard.static_tree DIR``, run where ``assets/`` is. A file's URL carries a hash of its
content (``?v=...``), so each may be cached for good.
"""

import shutil
import sys
from pathlib import Path

from dashboard.assets import Assets


def export_tree(directory: Path, assets: Assets) -> tuple[Path, ...]:
    """Copy each file under /static to the same path under `directory`, and give the copies."""
    copies = []
    for path, source in assets.files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        copies.append(Path(shutil.copyfile(source, target)))
    return tuple(copies)


def main(arguments: list[str]) -> int:
    """Export to the directory named by the one argument."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m dashboard.static_tree DIR\n")
        return 2
    export_tree(Path(arguments[0]), Assets.find())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
