"""Every control of the page by mouse and by keyboard, in Chromium."""

import os
import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from browser import tap
from reader_page import SALES, asked, await_asked, load, number
from stack import Stack

SPENDING = "Cigarette taxes and smoking-related health spending"
IDLE_MINUTES = float(os.environ.get("IDLE_MINUTES") or 0.2)
"""Time for which a page is left alone before its reader comes back; `IDLE_MINUTES=20` for the whole wait."""


def test_number_box_takes_a_change_that_the_slider_has_no_step_for(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    headline = tab.locator("#headline").text_content() or ""
    box = tab.get_by_label("Exactly")
    box.fill("12.34")
    box.press("Enter")
    await_asked(tab, change="12.34")
    expect(tab.locator("#headline")).not_to_have_text(headline)
    expect(tab.locator("#headline")).to_contain_text("12.34")


def test_number_outside_the_range_is_told_and_replaced_in_the_box(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    box = tab.get_by_label("Exactly")
    box.fill("5000")
    box.press("Enter")
    expect(tab.locator("#notices")).to_contain_text("outside")
    expect(tab.locator("#headline")).to_contain_text("100")
    box.blur()
    await_asked(tab, change="100")


def test_number_outside_the_range_given_twice_is_replaced_twice(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    box = tab.get_by_label("Exactly")
    for _ in range(2):
        box.fill("5000")
        box.press("Enter")
        expect(box).to_have_value("100")
        await_asked(tab, change="100")


def test_box_without_a_number_changes_nothing_and_says_so(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    box = tab.get_by_label("Exactly")
    box.fill("")
    box.press("Enter")
    expect(tab.locator("#change-refused")).to_contain_text("the change stays 10")
    expect(box).to_have_value("10")
    await_asked(tab, change="10")
    tab.reload()
    expect(box).to_have_value("10")


def test_slider_says_a_change_between_its_steps(stack: Stack, tab: Page) -> None:
    load(tab, stack, "study=cigarette-sales&unit=NY&change=12.34")
    handle = tab.get_by_role("slider", name="State cigarette tax, change in %")
    expect(handle).to_have_attribute("aria-valuetext", "12.34 %")
    handle.focus()
    handle.press("ArrowRight")
    await_asked(tab, change="13")
    expect(handle).to_have_attribute("aria-valuetext", "13 %")


def test_tab_key_stops_at_nothing_that_answers_no_key(stack: Stack, tab: Page) -> None:
    load(tab, stack, f"{SALES}&multiples=1")
    expect(tab.locator("#slot-multiples-figure canvas").first).to_be_visible()
    expect(tab.locator(".bk-events")).to_have_count(6)
    expect(tab.locator('.bk-events:not([tabindex="-1"])')).to_have_count(0)


def test_slider_has_a_name_and_is_moved_by_keys(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    handle = tab.get_by_role("slider", name="State cigarette tax, change in %")
    handle.focus()
    handle.press("ArrowRight")
    await_asked(tab, change="11")
    expect(tab.get_by_label("Exactly")).to_have_value("11")


def test_scenario_beyond_the_data_is_warned_of_and_one_within_is_not(stack: Stack, tab: Page) -> None:
    load(tab, stack, "study=cigarette-sales&unit=DC&change=100")
    expect(tab.locator("#beyond")).to_be_visible()
    expect(tab.locator("#beyond")).to_contain_text("no state had more than")
    box = tab.get_by_label("Exactly")
    box.fill("-1")
    box.press("Enter")
    expect(tab.locator("#beyond")).to_be_hidden()


def test_interval_is_as_wide_as_its_mass(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    mean = number(tab, "#effect-unit-mean")
    width = number(tab, "#effect-unit-high") - number(tab, "#effect-unit-low")
    tab.get_by_label("Interval").select_option("0.5")
    await_asked(tab, mass="0.5")
    expect(tab.locator(".mass").first).to_contain_text("50")
    assert number(tab, "#effect-unit-high") - number(tab, "#effect-unit-low") < 0.5 * width
    assert number(tab, "#effect-unit-mean") == mean


def test_dots_are_chosen_by_mouse_and_left_by_key(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    tab.get_by_label("50 dots").click()
    expect(tab.locator("#alt-effect-unit")).to_contain_text("50 dots")
    await_asked(tab, view="dots")
    tab.get_by_label("50 dots").press("ArrowLeft")
    expect(tab.locator("#alt-effect-unit")).to_contain_text("A density curve")
    assert "view" not in asked(tab)


def test_theme_changes_at_once_and_is_in_the_link(stack: Stack, tab: Page) -> None:
    load(tab, stack)

    def background() -> str:
        return str(tab.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = background()
    tab.get_by_label("Dark").click()
    assert background() != light
    await_asked(tab, theme="dark")
    color = tab.evaluate("Figures.find('outcome').model.left[0].major_label_text_color")
    tab.get_by_label("Dark").press("ArrowLeft")
    await_asked(tab, theme="light")
    assert background() == light
    assert tab.evaluate("Figures.find('outcome').model.left[0].major_label_text_color") != color


def test_tabs_are_changed_by_mouse_and_arrow_keys(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    tab.get_by_role("tab", name="Analysis").click()
    await_asked(tab, tab="analyst")
    expect(tab.locator("#tab-analyst")).to_contain_text("R-hat", timeout=60_000)
    expect(tab.locator("#tab-reader")).to_be_hidden()
    tab.get_by_role("tab", name="Analysis").press("ArrowLeft")
    expect(tab.get_by_role("tab", name="Answer")).to_be_focused()
    expect(tab.locator("#tab-reader")).to_be_visible()
    expect(tab).not_to_have_url(re.compile("tab="))


def test_units_are_compared_and_taken_away_again(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    chosen = tab.get_by_role("combobox", name="Compare with")
    chosen.select_option(label="Texas")
    await_asked(tab, compare="TX")
    chosen.select_option(label="Wyoming")
    await_asked(tab, compare=["TX", "WY"])
    chosen.select_option(label="California")
    expect(chosen).to_be_disabled()
    tab.get_by_role("button", name="Do not compare with Texas").press("Enter")
    await_asked(tab, compare=["WY", "CA"])
    assert asked(tab)["compare"] == ["WY", "CA"]
    tab.locator("#slot-unit select").select_option(label="Wyoming")
    await_asked(tab, unit="WY")
    assert asked(tab)["compare"] == ["CA"]


def test_click_on_the_map_chooses_the_state(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    tap(tab, "units", "TX")
    expect(tab.locator("#effect-unit-heading")).to_contain_text("Texas")
    await_asked(tab, unit="TX")
    expect(tab.locator("#slot-unit select")).to_have_value("TX")


def test_small_multiples_are_drawn_on_demand_and_choose_too(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    expect(tab.locator("#slot-multiples-figure canvas")).to_have_count(0)
    button = tab.get_by_role("button", name="Draw every one of them")
    button.press("Enter")
    expect(tab.locator("#slot-multiples-figure canvas").first).to_be_visible()
    await_asked(tab, multiples="1")
    tap(tab, "multiples", "FL")
    expect(tab.locator("#effect-unit-heading")).to_contain_text("Florida")
    tab.get_by_role("button", name="Put them away").click()
    expect(tab.locator("#multiples-shown")).to_be_hidden()


def test_link_with_everything_in_it_is_kept_and_reproduces_the_page(
    stack: Stack, browser: Browser, tab: Page
) -> None:
    load(tab, stack)
    version = tab.locator("#version").text_content()
    query = (
        f"study=cigarette-sales&version={version}&unit=OH&change=-7.5&compare=TX&compare=WY"
        "&mass=0.8&theme=dark&view=dots&multiples=1"
    )
    load(tab, stack, query)
    assert urlsplit(tab.url).query == query
    shown = tab.locator("main").inner_text()
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    other = context.new_page()
    load(other, stack, query)
    expect(other.locator("#compared li")).to_have_count(2)
    assert other.locator("main").inner_text() == shown
    context.close()


def test_link_is_copied(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    tab.get_by_role("button", name="Copy link").press("Enter")
    expect(tab.locator("#copied")).to_have_text("Copied")
    assert tab.evaluate("navigator.clipboard.readText()") == tab.url


def test_another_study_starts_with_its_own_defaults_and_keeps_the_looks(stack: Stack, tab: Page) -> None:
    load(tab, stack, f"{SALES}&theme=dark&mass=0.8&compare=TX")
    tab.locator("#slot-study select").select_option(label=SPENDING)
    expect(tab.locator("#study-title")).to_have_text(SPENDING)
    await_asked(tab, study="smoking-spending", unit="AK", change="1", theme="dark", mass="0.8")
    assert "compare" not in asked(tab)


def test_embedded_page_has_its_figures_and_nothing_around_them(stack: Stack, tab: Page) -> None:
    load(tab, stack, f"{SALES}&embed=1")
    for hidden in ("body > header", "body > footer", "#slot-unit", "#copy", ".downloads >> nth=0"):
        expect(tab.locator(hidden)).to_be_hidden()
    expect(tab.locator("#headline")).to_be_visible()
    expect(tab.locator("#slot-units-figure canvas").first).to_be_visible()
    link = tab.get_by_role("link", name="Open in Longitude").get_attribute("href") or ""
    assert "unit=NY" in link
    assert "embed" not in link


def test_list_of_studies_leads_to_each(stack: Stack, tab: Page) -> None:
    tab.goto(f"{stack.url}/studies")
    expect(tab.locator(".studies > li")).to_have_count(2)
    expect(tab.locator("svg.thumbnail")).to_have_count(2)
    tab.get_by_role("link", name=SPENDING).press("Enter")
    expect(tab.locator("#study-title")).to_have_text(SPENDING)


@pytest.mark.parametrize(
    "query", [SALES, f"{SALES}&multiples=1&compare=TX&compare=WY", f"{SALES}&tab=analyst"]
)
def test_no_tab_is_wider_than_a_telephone(stack: Stack, tab: Page, query: str) -> None:
    tab.set_viewport_size({"width": 360, "height": 780})
    load_any(tab, stack, query)
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize("width", [1280, 360])
def test_open_tables_scroll_within_themselves(stack: Stack, tab: Page, width: int) -> None:
    tab.set_viewport_size({"width": width, "height": 780})
    load(tab, stack, f"{SALES}&multiples=1")
    for details in tab.locator("details.table").all():
        details.locator("summary").press("Enter")
        expect(details.locator("tbody tr").nth(3)).to_be_visible()
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def load_any(page: Page, stack: Stack, query: str) -> None:
    page.goto(f"{stack.url}/?{query}")
    shown = "#tab-analyst canvas" if "analyst" in query else "#slot-outcome canvas"
    expect(page.locator(shown).first).to_be_attached(timeout=60_000)


def test_page_that_was_left_alone_still_answers(stack: Stack, tab: Page) -> None:
    load(tab, stack)
    until = time.monotonic() + 60 * IDLE_MINUTES
    while time.monotonic() < until:
        tab.wait_for_timeout(min(5_000, 1_000 * max(0.1, until - time.monotonic())))
    tab.locator("#slot-unit select").select_option(label="Texas")
    expect(tab.locator("#effect-unit-heading")).to_contain_text("Texas")
    expect(tab.locator("#connection")).to_be_hidden()
