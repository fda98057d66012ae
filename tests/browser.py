"""A real Chromium that trusts the CA of a stack, and tells what its pages complained of."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Frame, Page, sync_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


VIOLATIONS = """
globalThis.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.effectiveDirective} refuses ${event.blockedURI} in ${event.sourceFile}`);
});
"""


def watch_policy(page: Page) -> None:
    """Note what the policy of every page refuses from now on; `violations_of` gives it."""
    page.add_init_script(VIOLATIONS)


def violations_of(page: Page) -> list[str]:
    """Return the violations of the policy of the page that is shown."""
    found = page.evaluate("globalThis.violations")
    assert found is not None, "nobody watches this page"
    return [str(line) for line in found]


@dataclass
class Complaints:
    """Errors and warnings of a page's console, uncaught exceptions and failed requests."""

    lines: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Collect from a page from now on."""
        page.on(
            "console",
            lambda said: self._add(said.type, said.text) if said.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: self._add("exception", str(error)))
        page.on("requestfailed", lambda request: self._add("failed", f"{request.url} {request.failure}"))

    def _add(self, kind: str, text: str) -> None:
        self.lines.append(f"{kind}: {text}")


@contextmanager
def chromium(ca: Path) -> Iterator[Browser]:
    """Run Chromium with a home of its own, whose certificate database holds one CA, that of a stack."""
    with tempfile.TemporaryDirectory() as home:
        database = Path(home) / ".pki/nssdb"
        database.mkdir(parents=True)
        for command in (
            ["certutil", "-N", "-d", f"sql:{database}", "--empty-password"],
            ["certutil", "-A", "-d", f"sql:{database}", "-t", "C,,", "-n", "longitude", "-i", str(ca)],
        ):
            subprocess.run(command, check=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=FLAGS, env=os.environ | {"HOME": home}
            )
            yield browser
            browser.close()


def tap(shown: Page | Frame, figure: str, unit: str) -> None:
    """Click the middle of a unit's cell, where the figure drew it."""
    x, y = shown.evaluate(
        """([name, unit]) => {
          const view = Figures.find(name);
          const { data } = Bokeh.documents[0].get_model_by_name(`${name}-data`);
          const at = Array.from(data.id).indexOf(unit);
          return [view.frame.x_scale.compute(data.x[at]), view.frame.y_scale.compute(data.y[at])];
        }""",
        [figure, unit],
    )
    shown.locator(f"#slot-{figure}-figure .bk-events").first.click(position={"x": x, "y": y})
