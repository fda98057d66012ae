"""Pictures of the running page, for the documentation: every tab at two widths, light and dark.

python tests/screenshots.py FOLDER     against the stack of this checkout, which must be up
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import expect

from browser import chromium
from stack import REPOSITORY, Stack

WIDTHS = {"desktop": (1280, 900), "phone": (360, 780)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PAGES = {
    "smoking-spending-reader": ("/?study=smoking-spending&unit=CA&view=dots", "#slot-units-figure canvas"),
    "cigarette-sales-reader": (
        "/?study=cigarette-sales&unit=NY&compare=TX&compare=WY&multiples=1",
        "#slot-multiples-figure canvas",
    ),
    "cigarette-sales-analyst": ("/?study=cigarette-sales&unit=NY&tab=analyst", "#slot-analyst-priors canvas"),
    "studies": ("/studies", ".studies svg"),
}
"""Name to address, and to what is there once all is."""


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
            for name, (address, last) in PAGES.items():
                for device, (width, height) in WIDTHS.items():
                    for scheme in SCHEMES:
                        page = browser.new_page(
                            viewport={"width": width, "height": height}, color_scheme=scheme
                        )
                        page.goto(stack.url + address)
                        expect(page.locator(last).first).to_be_attached(timeout=60_000)
                        page.wait_for_load_state("networkidle")
                        page.evaluate("document.fonts.ready")
                        path = folder / f"{name}-{device}-{scheme}.png"
                        page.screenshot(path=path, full_page=True)
                        shrink(path)
                        print(path)
                        page.close()


def shrink(path: Path) -> None:
    """Keep a picture's 256 most telling colours: a third of its bytes, and no difference to be seen."""
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
