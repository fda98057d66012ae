"""One real Chromium page, its state sampled while faults happen to what serves it."""

import re
import time
from typing import Any

from playwright.sync_api import Page, expect

from faults.ledger import Account
from stack import Stack

QUERY = "study=smoking-spending&unit=CA&change=10&tab=analyst"
UNITS = (("California", "CA"), ("New York", "NY"))

SAMPLE = """
() => {
  const see = () => JSON.stringify({
    address: location.search,
    heading: document.getElementById("effect-unit-heading").textContent,
    mean: document.getElementById("effect-unit-mean").getAttribute("value"),
    tab: document.querySelector('[data-tab][aria-selected="true"]').dataset.tab,
  });
  globalThis.watched = { first: see(), samples: 0, wrong: [] };
  globalThis.watching = setInterval(() => {
    const seen = see();
    watched.samples += 1;
    if (seen !== watched.first && watched.wrong.length < 100) watched.wrong.push(seen);
  }, 100);
}
"""
TELL = "() => { clearInterval(globalThis.watching); return globalThis.watched ?? null; }"


class WatchedTab:
    """A page with a unit, a change and a tab of the reader's choice.

    Attributes
    ----------
    page
        Playwright's page, for what a test does with it besides.
    """

    def __init__(self, page: Page, stack: Stack) -> None:
        self.page = page
        self._turn = 0
        page.goto(f"{stack.url}/?{QUERY}")
        expect(page.locator("#tab-analyst section .slot p").first).to_be_visible(timeout=60_000)
        self.change_unit(60)

    def watch(self) -> None:
        """Begin to sample what the page shows, ten times a second."""
        self.page.evaluate(SAMPLE)

    def tell(self) -> tuple[int, list[str]]:
        """Give how many samples were taken since, and those that showed another state.

        A page that was loaded anew has no samples; that counts as another state.
        """
        watched: dict[str, Any] | None = self.page.evaluate(TELL)
        if watched is None:
            return 0, ["the page was loaded anew"]
        return watched["samples"], watched["wrong"]

    def change_unit(self, seconds: float) -> float:
        """Go to the reader's tab, choose another unit, and come back; give the seconds it took."""
        self._turn += 1
        label, unit = UNITS[self._turn % len(UNITS)]
        mean = self.page.locator("#effect-unit-mean")
        before = mean.get_attribute("value") or ""
        start = time.monotonic()
        self.page.locator("#open-reader").click()
        self.page.locator("#slot-unit select").select_option(label=label, timeout=1000 * seconds)
        expect(self.page.locator("#effect-unit-heading")).to_contain_text(label, timeout=1000 * seconds)
        expect(mean).not_to_have_attribute("value", before)
        self.page.locator("#open-analyst").click()
        address = re.compile(rf"unit={unit}&change=10&tab=analyst$")
        expect(self.page).to_have_url(address, timeout=1000 * seconds)
        expect(mean).not_to_have_attribute("value", before)
        return time.monotonic() - start


def account_for_tab(account: Account, tab: WatchedTab) -> None:
    """Note whether a watched page ever showed another state."""
    samples, wrong = tab.tell()
    account.add(
        "the page in Chromium never shows another state",
        f"{len(wrong)} of {samples} samples differ" + (f": {wrong[0]}" if wrong else ""),
        samples > 0 and not wrong,
    )
