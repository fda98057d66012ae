"""A real Chromium loads the page through the proxy, changes what readers change, and never complains."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser import Complaints
from stack import Stack

SPENDING = "Cigarette taxes and smoking-related health spending"
NUMBERS = ("#effect-unit-mean", "#effect-unit-low", "#effect-unit-high", "#effect-all-mean")


@pytest.fixture
def page(browser: Browser) -> Iterator[tuple[Page, Complaints]]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened, complaints = context.new_page(), Complaints()
    complaints.watch(opened)
    yield opened, complaints
    context.close()
    assert complaints.lines == []


def load(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("#slot-unit select")).to_be_visible(timeout=30_000)


def values(page: Page) -> dict[str, float]:
    return {name: float(page.locator(name).get_attribute("value") or "nan") for name in NUMBERS}


def test_choosing_a_unit_changes_its_numbers_and_the_address(
    stack: Stack, page: tuple[Page, Complaints]
) -> None:
    tab, _ = page
    load(tab, f"{stack.url}/?study=smoking-spending&unit=CA")
    before = values(tab)
    tab.locator("#slot-unit select").select_option(label="New York")
    expect(tab.locator("#effect-unit-heading")).to_contain_text("New York")
    after = values(tab)
    assert after["#effect-unit-mean"] != before["#effect-unit-mean"]
    assert after["#effect-all-mean"] == before["#effect-all-mean"]
    assert "unit=NY" in tab.url


def test_link_reproduces_the_page(stack: Stack, browser: Browser, page: tuple[Page, Complaints]) -> None:
    tab, _ = page
    load(tab, stack.url)
    tab.locator("#slot-study select").select_option(label=SPENDING)
    expect(tab.locator("#study-title")).to_have_text(SPENDING)
    tab.locator("#slot-unit select").select_option(label="Texas")
    expect(tab.locator("#effect-unit-heading")).to_contain_text("Texas")
    handle = tab.locator("#slot-change .noUi-handle")
    handle.focus()
    before = tab.locator("#change").text_content() or ""
    for _ in range(5):
        handle.press("ArrowRight")
    expect(tab.locator("#change")).not_to_have_text(before)
    expect(tab).not_to_have_url(stack.url)
    expect(tab).to_have_url(re.compile("change=6"))
    link, shown = tab.url, values(tab)
    context = browser.new_context()
    other = context.new_page()
    load(other, link)
    assert values(other) == shown
    assert other.url == link
    context.close()


@pytest.mark.parametrize("width", [1280, 360])
def test_page_fits_its_window_and_draws_every_figure(
    stack: Stack, page: tuple[Page, Complaints], width: int
) -> None:
    tab, _ = page
    tab.set_viewport_size({"width": width, "height": 900})
    load(tab, stack.url)
    for slot in ("outcome", "treatment", "effect-unit-density", "effect-all-density"):
        expect(tab.locator(f"#slot-{slot} canvas").first).to_be_attached()
        box = tab.locator(f"#slot-{slot}").bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 100
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_nothing_is_fetched_from_anywhere_else(stack: Stack, page: tuple[Page, Complaints]) -> None:
    tab, _ = page
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    load(tab, stack.url)
    tab.wait_for_load_state("networkidle")
    assert asked
    foreign = [url for url in asked if not url.startswith((stack.url + "/", "data:", "blob:"))]
    assert foreign == []


@pytest.mark.parametrize(
    "query",
    [
        "unit=ATLANTIS",
        "version=000000000000",
        "change=many",
        "unit=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "change=1e999&unit=",
    ],
)
def test_link_that_cannot_be_followed_says_so_and_shows_the_dashboard(
    stack: Stack, page: tuple[Page, Complaints], query: str
) -> None:
    tab, _ = page
    load(tab, f"{stack.url}/?{query}")
    expect(tab.locator("#notices li").first).to_be_visible()
    expect(tab.locator("#effect-unit-mean")).not_to_be_empty()


@pytest.mark.parametrize("study", ["none-such", "%00", "%3Cscript%3Ealert(1)%3C%2Fscript%3E"])
def test_link_to_an_unknown_study_says_so_and_leads_to_the_list(
    stack: Stack, browser: Browser, study: str
) -> None:
    tab = browser.new_page()
    answer = tab.goto(f"{stack.url}/?study={study}&unit=CA")
    assert answer is not None
    assert answer.status == 404
    expect(tab.locator("h1")).to_contain_text("There is no study")
    tab.get_by_role("link", name="All studies").click()
    expect(tab).to_have_url(f"{stack.url}/studies")
    expect(tab.locator("h2")).to_have_count(2)
    tab.close()
