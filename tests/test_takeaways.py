"""All that can be taken from the page: tables, CSV, pictures, print; each says what the page shows."""

import csv
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from reader_page import SALES, load, number
from stack import Stack


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
    for hidden in ("Click one to choose it", "Draw every one of them"):
        expect(tab.get_by_text(hidden)).to_be_hidden()
    expect(tab.locator("footer").get_by_text("All studies")).to_be_hidden()
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
