"""An open page while versions are loaded, refused, damaged and withdrawn; no server is needed."""

import time
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from bokeh.document import Document
from synthetic import load_served, make_card, open_store, publish, tell
from test_catalogue import damage

from conftest import eventually
from dashboard.catalogue import Catalogue, VersionCache
from dashboard.page import Page
from dashboard.prepared import PreparedPages
from dashboard.settling import request_for
from dashboard.words import NAMES
from tracestore.publisher import Publisher


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def read_words(page: Page) -> dict[str, str]:
    data = find(page, "page").data
    return dict(zip(data["name"], data["text"], strict=True))


def find(page: Page, name: str) -> Any:
    return next(root for root in page.roots if root.name == name)


def show_news(catalogue: Catalogue, page: Page) -> dict[str, str]:
    """Do what the notifier does after a poll; return what the page says then."""
    catalogue.poll()
    if page.has_news():
        page.refresh()
    return read_words(page)


def wish(page: Page, query: str) -> dict[str, str]:
    find(page, "wish").data = {"query": [query], "number": ["1"]}
    return read_words(page)


def test_a_page_says_that_draws_are_being_loaded_and_then_shows_them(root: Path) -> None:
    version = publish(root).version
    catalogue, versions = open_store(root)
    page = Page(catalogue, versions, "study=smoking&unit=CA&change=5&tab=analyst")
    words = read_words(page)
    assert (words["view"], words["title"]) == ("loading", "Cigarette taxes & <health> spending")
    assert words["loading"] == f"Loading the draws of version {version} …"
    assert words["query"] == "study=smoking&unit=CA&change=5&tab=analyst", "what was asked for is kept"
    assert set(words) == set(NAMES)
    eventually(page.has_news)
    words = show_news(catalogue, page)
    assert (words["view"], words["version"]) == ("dashboard", version)
    assert words["query"] == f"study=smoking&version={version}&unit=CA&change=5&tab=analyst"
    assert not page.has_news()


def test_a_page_is_asked_for_when_its_draws_are_there(root: Path) -> None:
    publish(root)
    catalogue, versions = open_store(root)
    pages = PreparedPages(catalogue, versions)
    ready = request_for("study=smoking&unit=CA", catalogue, versions)
    assert ready is not None
    assert not ready.cancel(), "others wait for the version"
    ready.result(30)
    assert read_words(pages.open("study=smoking&unit=CA"))["view"] == "dashboard"
    assert request_for("study=smoking&unit=NY", catalogue, versions) is None
    assert request_for("study=none", catalogue, versions) is None


def test_a_version_that_is_damaged_gives_way_to_the_one_before_with_a_notice(root: Path) -> None:
    old = publish(root).version
    new = publish(root, seed=2).version
    damage(root, new)
    catalogue, versions = open_store(root)
    ready = request_for("study=smoking&unit=CA", catalogue, versions)
    assert ready is not None
    ready.result(30)
    page = Page(catalogue, versions, "study=smoking&unit=CA")
    words = read_words(page)
    assert (words["view"], words["version"], words["newer"]) == ("dashboard", old, "")
    assert f"The version that is served, {new}, cannot be read: " in words["notices"]
    assert "trace.nc: expected SHA-256" in words["notices"]
    assert f"You are looking at the one before it, {old}." in words["notices"]
    assert request_for("study=smoking", catalogue, versions) is None


def test_a_version_that_is_mended_is_offered_beside_the_one_before(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = publish(root).version
    new = publish(root, seed=2).version
    content = damage(root, new)
    catalogue, versions = open_store(root)
    ready = request_for("study=smoking", catalogue, versions)
    assert ready is not None
    ready.result(30)
    page = Page(catalogue, versions, "study=smoking")
    (root / "smoking" / new / "trace.nc").write_bytes(content)
    monkeypatch.setattr("dashboard.catalogue.version_cache.RETRY_SECONDS", 0)
    page.refresh()
    eventually(page.has_news)
    words = show_news(catalogue, page)
    assert words["version"] == old
    assert new in words["newer"]
    assert words["notices"] == ""


def test_a_study_without_any_version_that_can_be_read_says_what_is_damaged(root: Path) -> None:
    version = publish(root).version
    damage(root, version)
    publish(root, make_card("another", "Another"))
    catalogue, versions = open_store(root)
    page = Page(catalogue, versions, "study=smoking")
    eventually(page.has_news)
    words = show_news(catalogue, page)
    assert (words["view"], words["problem-heading"]) == ("problem", "This study cannot be shown")
    assert "expected SHA-256" in words["problem-lead"]
    load_served_study(catalogue, versions, "another")
    assert wish(page, "study=another")["view"] == "dashboard"


def load_served_study(catalogue: Catalogue, versions: VersionCache, name: str) -> None:
    entry = catalogue.snapshot.find(name)
    assert entry is not None
    versions.request(name, entry.current or "").result(30)


def test_a_study_that_does_not_fit_the_memory_says_so_and_harms_no_other(root: Path) -> None:
    publish(root)
    publish(root, make_card("wide", "Wide"), by_unit=True)
    catalogue, versions = open_store(root)
    load_served(catalogue, versions)
    small, large = sorted(version.nbytes for version in versions)
    catalogue, versions = open_store(root, memory_mb=(small + large) / 2 / 1_048_576)
    page = Page(catalogue, versions, "study=wide")
    eventually(page.has_news)
    words = show_news(catalogue, page)
    assert words["view"] == "problem"
    assert "VERSIONS_MEMORY_MB" in words["problem-lead"]
    load_served_study(catalogue, versions, "smoking")
    assert read_words(Page(catalogue, versions, "study=smoking"))["view"] == "dashboard"


def test_a_page_waits_for_memory_that_others_hold_and_lets_go_of_its_own(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.catalogue.version_cache.RETRY_SECONDS", 0)
    publish(root)
    publish(root, make_card("another", "Another"))
    catalogue, versions = open_store(root)
    load_served_study(catalogue, versions, "smoking")
    [size] = [version.nbytes for version in versions]
    catalogue, versions = open_store(root, memory_mb=1.5 * size / 1_048_576)
    load_served_study(catalogue, versions, "smoking")
    page, other = (Page(catalogue, versions, "study=smoking") for _ in range(2))
    document = Document()
    page.attach(document)
    assert wish(page, "study=another")["view"] == "loading"
    eventually(page.has_news)
    words = show_news(catalogue, page)
    assert words["problem-heading"] == "This study cannot be shown now"
    assert "taken by the pages that are open" in words["problem-lead"]
    assert len(document.session_callbacks) == 1, "it tries again later"
    other.close()

    def is_shown() -> bool:
        for again in document.session_callbacks:
            document.remove_timeout_callback(again)  # type: ignore[arg-type]
            again.callback()
        return show_news(catalogue, page)["view"] == "dashboard"

    eventually(is_shown)
    assert read_words(page)["study"] == "another"


def test_a_page_does_not_hold_a_version_that_it_no_longer_shows(root: Path) -> None:
    publish(root)
    tell(root, "reading", "unpublished")
    catalogue, versions = open_store(root)
    load_served(catalogue, versions)
    page = Page(catalogue, versions, "study=smoking&multiples=1&compare=NY")
    [version] = versions
    held = ref(version)
    del version
    versions.close()
    assert held() is not None
    wish(page, "study=unpublished")
    assert held() is None


def test_prepared_pages_are_freed_with_their_version(root: Path) -> None:
    publish(root)
    catalogue, versions = open_store(root)
    pages = PreparedPages(catalogue, versions)
    load_served(catalogue, versions)
    page = pages.open("study=smoking")
    [version] = versions
    prototype = ref(versions.derive(version, pages.prepare))
    held = ref(version)
    del version
    page.close()
    versions.close()
    assert prototype() is None
    assert held() is None


def test_an_open_page_of_a_study_that_is_withdrawn_says_so_and_comes_back(root: Path) -> None:
    publish(root)
    publish(root, make_card("another", "Another"))
    catalogue, versions = open_store(root)
    load_served(catalogue, versions)
    page = Page(catalogue, versions, "study=smoking&unit=CA")
    Publisher(root).withdraw("smoking", "command")
    words = show_news(catalogue, page)
    assert (words["view"], words["missing"]) == ("problem", "1")
    assert words["problem-heading"] == "There is no study “smoking” here"
    assert "unit=CA" in words["query"], "the address stays"
    Publisher(root).restore("smoking")
    assert show_news(catalogue, page)["view"] == "dashboard"


def test_a_wish_for_an_unknown_study_is_answered_with_a_notice_and_changes_nothing(root: Path) -> None:
    publish(root)
    catalogue, versions = open_store(root)
    load_served(catalogue, versions)
    page = Page(catalogue, versions, "study=smoking&unit=CA")
    before = read_words(page)
    words = wish(page, "study=none")
    assert words == before | {"answered": "1", "notices": "There is no study “none” here."}


def test_a_page_hears_of_nothing_that_concerns_other_studies(root: Path) -> None:
    publish(root)
    catalogue, versions = open_store(root)
    load_served(catalogue, versions)
    page = Page(catalogue, versions, "study=smoking")
    publish(root, make_card("another", "Another"))
    tell(root, "sampling", "third")
    catalogue.poll()
    assert not page.has_news()
    tell(root, "sampling")
    catalogue.poll()
    assert page.has_news()


def test_a_page_that_was_opened_before_there_was_any_study_shows_the_first_one(root: Path) -> None:
    catalogue, versions = open_store(root)
    page = Page(catalogue, versions, "")
    assert read_words(page)["phase"] == "The worker is starting"
    tell(root, "reading")
    assert show_news(catalogue, page)["phase"] == "Reading the data"
    version = publish(root).version
    catalogue.poll()
    load_served(catalogue, versions)
    assert show_news(catalogue, page)["version"] == version


def test_opening_a_page_of_a_study_in_memory_never_touches_the_store(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(root)
    catalogue, versions = open_store(root)
    load_served(catalogue, versions)
    root.rename(root.with_name("away"))
    begun = time.monotonic()
    words = read_words(PreparedPages(catalogue, versions).open("study=smoking&unit=NY&change=7"))
    assert (words["view"], words["unit"]) == ("dashboard", "NY")
    assert time.monotonic() - begun < 10
