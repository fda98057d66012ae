"""Every address on a page is relative to the page's own, so that no prefix has to be configured anywhere."""

import re
from pathlib import Path

import pytest
from synthetic import load_served, make_card, open_store, publish

from conftest import SERVICE
from dashboard.assets import PAGE_SCRIPTS, PAGE_SHEETS, Assets
from dashboard.catalogue import Snapshot
from dashboard.page import Page
from dashboard.prepared import PreparedPages
from dashboard.state import MASSES
from dashboard.studies import REFRESH_SECONDS, list_studies_json, render_missing, render_studies
from dashboard.templates import load_templates
from dashboard.theme import DARK

TEMPLATES, ASSETS = load_templates(SERVICE), Assets.find(SERVICE)
ROOT_ABSOLUTE = re.compile(r"""(?:href|src|action|content|url)\s*[=(]\s*["'`]?/|["'`]/[a-z.?]""")


def render_index(page: Page) -> str:
    data = page.roots[0].data  # type: ignore[attr-defined]
    words = dict(zip(data["name"], data["text"], strict=True))
    return TEMPLATES.get_template("index.html").render(
        words=words,
        render_item={"token": "t"},
        scripts=PAGE_SCRIPTS,
        sheets=PAGE_SHEETS,
        masses=[f"{mass:g}" for mass in MASSES],
        dark=DARK,
        assets=ASSETS.urls,
        replica="r",
    )


def test_pages_and_lists_have_no_address_from_the_root(tmp_path: Path) -> None:
    publish(tmp_path, analysed=True)
    publish(tmp_path, make_card("another", "Another"))
    catalogue, versions = open_store(tmp_path)
    load_served(catalogue, versions)
    pages = PreparedPages(catalogue, versions)
    written = [render_index(pages.open(query)) for query in ("study=smoking", "study=another&tab=analyst")]
    written.append(render_studies(catalogue.snapshot, TEMPLATES, ASSETS, "r"))
    written.append(render_missing("There is none.", TEMPLATES, ASSETS, "r"))
    for page in written:
        assert ROOT_ABSOLUTE.findall(page) == []
        addresses = re.findall(r'(?:href|src)="([^"#]+)"', page)
        assert addresses
        assert all(re.match(r"static/|studies$|data/|\./\?", address) for address in addresses), addresses


@pytest.mark.parametrize(
    "file",
    [*sorted((SERVICE / "assets").glob("*.[jc]s*")), *sorted((SERVICE / "app" / "templates").iterdir())],
)
def test_scripts_style_sheets_and_templates_have_no_address_from_the_root(file: Path) -> None:
    assert ROOT_ABSOLUTE.findall(file.read_text()) == []


@pytest.mark.parametrize("line", ['href="/studies"', "fetch(`/data/x`)", "url(/static/a)", 'src="/?a"'])
def test_an_address_from_the_root_would_be_found(line: str) -> None:
    assert ROOT_ABSOLUTE.search(line)


def test_the_list_leads_to_each_study_and_tells_equal_titles_apart(tmp_path: Path) -> None:
    publish(tmp_path)
    publish(tmp_path, make_card("another"), answered=False)
    catalogue, _ = open_store(tmp_path)
    page = render_studies(catalogue.snapshot, TEMPLATES, ASSETS, "r")
    for name in ("smoking", "another"):
        assert f'href="./?study={name}"' in page
        assert f"spending ({name})" in page
    assert page.count("If the state cigarette tax had been 1") == 1, "one was fitted by an earlier release"
    assert page.count("4 states, 2000 to 2009.") == 2
    assert "http-equiv" not in page
    assert list_studies_json(catalogue.snapshot).startswith('[["another", "Cigarette taxes')


def test_the_list_is_written_once_for_a_snapshot_and_looks_again_while_something_is_missing(
    tmp_path: Path,
) -> None:
    snapshot = Snapshot()
    page = render_studies(snapshot, TEMPLATES, ASSETS, "r")
    assert f'<meta http-equiv="refresh" content="{REFRESH_SECONDS}">' in page
    assert "No study has been read yet." in page
    assert render_studies(snapshot, TEMPLATES, ASSETS, "r") is page
    assert render_studies(Snapshot(), TEMPLATES, ASSETS, "r") is not page


def test_the_page_of_a_study_that_there_is_not_escapes_its_name_and_offers_the_list() -> None:
    page = render_missing("There is no study “<b>” here.", TEMPLATES, ASSETS, "r")
    assert "“&lt;b&gt;”" in page
    assert '<a href="studies">All studies</a>' in page
