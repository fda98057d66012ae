"""Every control of the page by mouse and by keyboard, and all that can be taken from it, in Chromium."""

import csv
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from browser import Complaints, chromium, tap
from probes import PATIENCE
from stack import Stack

SALES = "study=cigarette-sales&unit=NY&change=10"
SPENDING = "Cigarette taxes and smoking-related health spending"
IDLE_MINUTES = float(os.environ.get("IDLE_MINUTES") or 0.2)
"""How long a page is left alone before its reader comes back; `IDLE_MINUTES=20` for the whole wait."""


@pytest.fixture(scope="module")
def browser(stack: Stack) -> Iterator[Browser]:
    with chromium(stack.ca) as started:
        yield started


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(10_000 * PATIENCE)
    opened, complaints = context.new_page(), Complaints()
    complaints.watch(opened)
    yield opened
    context.close()
    assert complaints.lines == []


def load(page: Page, stack: Stack, query: str = SALES) -> None:
    page.goto(f"{stack.url}/?{query}")
    expect(page.locator("#slot-page")).to_be_attached()
    expect(page.locator("#slot-outcome canvas").first).to_be_attached(timeout=30_000)


def asked(page: Page) -> dict[str, list[str]]:
    """Give what the address says, without the version."""
    query = parse_qs(urlsplit(page.url).query)
    query.pop("version", None)
    return query


def number(page: Page, name: str) -> float:
    return float(page.locator(name).get_attribute("value") or "nan")


def await_asked(page: Page, **wanted: str | list[str]) -> None:
    for key, value in wanted.items():
        values = [value] if isinstance(value, str) else value
        pattern = ".*".join(f"{key}={re.escape(one)}(&|$)" for one in values)
        expect(page).to_have_url(re.compile(pattern))


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


def save(page: Page, click: str, folder: Path) -> Path:
    with page.expect_download() as started:
        page.locator(click).first.click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def test_csv_holds_the_numbers_that_are_shown(stack: Stack, tab: Page, tmp_path: Path) -> None:
    load(tab, stack, f"{SALES}&compare=TX&mass=0.8")
    version = tab.locator("#version").text_content()
    path = save(tab, '[data-csv="effect-unit"]', tmp_path)
    assert path.name == f"cigarette-sales-NY-plus-10-percent-{version}-effect-unit.csv"
    with path.open(newline="") as file:
        rows = {row[0]: row[1:] for row in csv.reader(file)}
    assert rows["quantity"] == [
        "change in New York, packs per person a year",
        "change in Texas, packs per person a year",
    ]
    assert float(rows["mean"][0]) == number(tab, "#effect-unit-mean")
    assert float(rows["80 % interval, lower"][0]) == number(tab, "#effect-unit-low")
    assert float(rows["80 % interval, upper"][0]) == number(tab, "#effect-unit-high")


@pytest.mark.parametrize(
    "figure", ["effect-unit", "effect-all", "outcome", "treatment", "units", "multiples"]
)
def test_every_figure_is_saved_as_png_and_svg(stack: Stack, tab: Page, tmp_path: Path, figure: str) -> None:
    load(tab, stack, f"{SALES}&multiples=1")
    expect(tab.locator("#slot-multiples-figure canvas").first).to_be_visible()
    png = save(tab, f'[data-picture="png"][data-name="{figure}"]', tmp_path).read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) > 2_000
    svg = save(tab, f'[data-picture="svg"][data-name="{figure}"]', tmp_path)
    assert re.fullmatch(rf"cigarette-sales-NY-plus-10-percent-[0-9a-f]{{12}}-{figure}\.svg", svg.name)
    drawing = ElementTree.fromstring(svg.read_text())
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}path"))) > 3


@pytest.mark.parametrize("figure", ["effect-unit", "outcome", "units"])
def test_picture_of_a_dark_page_can_be_read_on_paper(
    stack: Stack, tab: Page, tmp_path: Path, figure: str
) -> None:
    load(tab, stack, f"{SALES}&theme=dark")
    expect(tab.locator("#slot-units-figure canvas").first).to_be_visible()
    svg = save(tab, f'[data-picture="svg"][data-name="{figure}"]', tmp_path).read_text()
    heading = tab.locator(f"#{figure}-heading").text_content() or ""
    version = tab.locator("#version").text_content() or ""
    for word in (*heading.split(), version, "Data:", "packs" if figure != "units" else "%"):
        assert word in svg, word
    dark = tab.evaluate("Object.values(JSON.parse(document.getElementById('dark-colors').textContent))")
    rgb = [f"rgb({', '.join(str(int(color[at : at + 2], 16)) for at in (1, 3, 5))})" for color in dark]
    assert [color for color in (*dark, *rgb, *(one.replace(" ", "") for one in rgb)) if color in svg] == []
    png = save(tab, f'[data-picture="png"][data-name="{figure}"]', tmp_path)
    picture = Image.open(png).convert("L")
    assert picture.getpixel((0, 0)) == 255
    histogram = picture.histogram()
    assert histogram[255] > 0.3 * sum(histogram)
    assert sum(histogram[:100]) > 0.005 * sum(histogram)


def test_printed_page_says_where_it_is_from_and_asks_for_no_click(stack: Stack, tab: Page) -> None:
    load(tab, stack, f"{SALES}&theme=dark")
    tab.emulate_media(media="print")
    expect(tab.locator("#version")).to_be_visible()
    expect(tab.locator("#address")).to_have_text(tab.url)
    for hidden in ("Click one to choose it", "Draw every one of them", "All studies"):
        expect(tab.get_by_text(hidden)).to_be_hidden()
    expect(tab.locator("#multiples-heading")).to_be_hidden()


def test_every_figure_has_a_table_that_follows_what_is_shown(stack: Stack, tab: Page) -> None:
    load(tab, stack, f"{SALES}&multiples=1")
    for summary in tab.locator("details.table summary").all():
        summary.press("Enter")
    for details in tab.locator("details.table").all():
        expect(details.locator("tbody tr").nth(3)).to_be_visible()
    table = tab.locator('details[data-table="effect-unit"]')
    expect(table.locator("thead")).to_contain_text("New York")
    tab.locator("#slot-unit select").select_option(label="Ohio")
    expect(table.locator("thead")).to_contain_text("Ohio")
    cell = table.locator("tbody tr", has_text="mean").locator("td").first.text_content() or ""
    assert float(cell.replace(",", "").replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        number(tab, "#effect-unit-mean"), rel=1e-3
    )


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
