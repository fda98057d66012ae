"""axe-core finds nothing serious or critical, on any tab, in light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from stack import Stack

SALES = "/?study=cigarette-sales&unit=NY&change=10"
PAGES = {
    "reader": (SALES, "#slot-units-figure canvas"),
    "everything": (
        f"{SALES}&compare=TX&compare=WY&multiples=1&view=dots&mass=0.5",
        "#slot-multiples-figure canvas",
    ),
    "warned": ("/?study=cigarette-sales&unit=DC&compare=NONE&change=100", "#beyond"),
    "analyst": (f"{SALES}&tab=analyst", "#tab-analyst canvas"),
    "embedded": (f"{SALES}&embed=1", "#slot-units-figure canvas"),
    "studies": ("/studies", ".studies svg"),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_serious_stands_in_the_way_of_any_reader(
    stack: Stack, browser: Browser, name: str, scheme: str
) -> None:
    address, shown = PAGES[name]
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(stack.url + address)
    expect(page.locator(shown).first).to_be_visible(timeout=60_000)
    for summary in page.locator("details.table summary").all():
        if summary.is_visible():
            summary.press("Enter")
    page.wait_for_load_state("networkidle")
    found = [
        (
            one["id"],
            one["impact"],
            [(node["target"], node.get("failureSummary")) for node in one["nodes"]][:5],
        )
        for one in Axe().run(page).response["violations"]
        if one["impact"] in {"serious", "critical"}
    ]
    context.close()
    assert found == []
