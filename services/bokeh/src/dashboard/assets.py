"""The files that browsers load: the BokehJS bundles in use, and our own script, styles and icon."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bokeh.settings import settings as bokeh_settings

BUNDLES = ("js/bokeh.min.js", "js/bokeh-widgets.min.js")
"""The parts of BokehJS that the page uses; tables, MathJax, WebGL and the API are not among them."""

PREFIX = "longitude"
"""The folder under /static that our own files are served from."""

SCRIPTS = tuple(f"{PREFIX}/{name}.js" for name in ("theme", "pictures", "figures", "controls", "page"))
PAGE_SCRIPTS = (*BUNDLES, *SCRIPTS)
PAGE_SHEETS = (f"{PREFIX}/page.css", f"{PREFIX}/controls.css")
"""The files that a page loads, in this order; the last script starts it."""

YEAR_SECONDS = 31_536_000
"""Time for which a browser may keep a file under the URL that names its content."""


@dataclass(frozen=True, eq=False)
class Assets:
    """The files under /static: from the path of each to the file itself, and to its URL.

    A URL changes with the content, and is relative, so that pages may be below any prefix.
    """

    files: Mapping[str, Path]
    urls: Mapping[str, str]

    @classmethod
    def find(cls, service: Path | None = None) -> "Assets":
        """Find the files of an installed BokehJS, and ours in `service`/assets (default: where we run)."""
        ours = (service or Path.cwd()) / "assets"
        bokehjs = Path(bokeh_settings.bokehjs_path())
        files = {path: bokehjs / path for path in BUNDLES}
        for path in (*SCRIPTS, *PAGE_SHEETS, f"{PREFIX}/favicon.svg"):
            files[path] = ours / Path(path).name
        missing = [str(path) for path in files.values() if not path.is_file()]
        if missing:
            raise FileNotFoundError(
                f"assets are missing: {', '.join(missing)}; run from the service's directory"
            )
        urls = {
            path: f"static/{path}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"
            for path, file in files.items()
        }
        return cls(files, urls)
