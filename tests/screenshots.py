"""Pictures of the running page, for the documentation: every study at desktop and phone width.

python tests/screenshots.py FOLDER     against the stack of this checkout, which must be up
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from browser import chromium
from stack import REPOSITORY, Stack

WIDTHS = {"desktop": (1280, 900), "phone": (360, 780)}
PAGES = {
    "smoking-spending": "study=smoking-spending&unit=CA",
    "cigarette-sales": "study=cigarette-sales&unit=NY",
}


def main(folder: Path) -> None:
    """Write one PNG for each page and width."""
    folder.mkdir(parents=True, exist_ok=True)
    port = subprocess.run(
        ["docker", "compose", "port", "traefik", "8443"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.rpartition(":")[2]
    stack = Stack("longitude", overlays=(), https_port=int(port))
    with tempfile.TemporaryDirectory() as home:
        ca = Path(home) / "ca.pem"
        ca.write_text(stack.print_ca())
        with chromium(ca) as browser:
            for name, query in PAGES.items():
                for device, (width, height) in WIDTHS.items():
                    page = browser.new_page(viewport={"width": width, "height": height})
                    page.goto(f"{stack.url}/?{query}")
                    expect(page.locator("#slot-unit select")).to_be_visible(timeout=30_000)
                    page.wait_for_load_state("networkidle")
                    page.evaluate("document.fonts.ready")
                    path = folder / f"{name}-{device}.png"
                    page.screenshot(path=path, full_page=True)
                    print(path.relative_to(REPOSITORY))
                    page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
