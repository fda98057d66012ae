"""The analyst's tab in a real Chromium, and the files of a version through the proxy."""

import hashlib
from pathlib import Path

from playwright.sync_api import expect

from browser import Complaints, chromium
from probes import get
from stack import Stack

STUDY = "cigarette-sales"


def address(stack: Stack, file: str) -> str:
    """Where a file of the version that is served is."""
    published = stack.published(STUDY)
    assert published is not None
    return f"/download/{STUDY}/{published['version']}/{file}"


def test_the_trace_comes_through_the_proxy_as_it_is_in_the_store(stack: Stack) -> None:
    manifest = get(stack, address(stack, "manifest.json")).json()
    answer = get(stack, address(stack, "trace.nc"))
    digest = hashlib.sha256(answer.content).hexdigest()
    assert digest == manifest["files"]["trace.nc"]["sha256"]
    assert answer.headers["etag"] == f'"{digest}"'
    assert "content-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == manifest["files"]["trace.nc"]["size"]
    again = get(stack, address(stack, "trace.nc"), headers={"If-None-Match": f'"{digest}"'})
    assert (again.status_code, again.content) == (304, b"")


def test_no_other_file_of_the_store_comes_through_the_proxy(stack: Stack) -> None:
    for path in (
        f"/download/{STUDY}/../current.json",
        f"/download/{STUDY}/000000000000/trace.nc",
        f"/download/%2e%2e/{STUDY}/trace.nc",
        "/download/..%2f..%2fetc/passwd/manifest.json",
    ):
        assert get(stack, path).status_code in {400, 404}, path


def test_every_section_of_the_tab_is_filled_on_a_telephone_and_the_trace_is_saved(
    stack: Stack, tmp_path: Path
) -> None:
    complaints = Complaints()
    with chromium(stack.ca) as browser:
        page = browser.new_page(viewport={"width": 360, "height": 780})
        complaints.watch(page)
        page.goto(f"{stack.url}/?study={STUDY}&tab=analyst")
        tab = page.locator("#tab-analyst")
        slots = tab.locator("section .slot")
        expect(slots).to_have_count(12)
        for slot in slots.all():
            expect(slot.locator("p, table").first).to_be_visible(timeout=60_000)
        for table in ("Ranks as a table", "Traces as a table", "Energy as a table"):
            tab.get_by_text(table).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert complaints.lines == []
        with page.expect_download() as saving:
            tab.get_by_role("link", name="Trace (NetCDF").click()
        saving.value.save_as(tmp_path / "trace.nc")
        name = saving.value.suggested_filename
    manifest = get(stack, address(stack, "manifest.json")).json()
    assert name == f"longitude-{STUDY}-{manifest['version']}-trace.nc"
    digest = hashlib.sha256((tmp_path / "trace.nc").read_bytes()).hexdigest()
    assert digest == manifest["files"]["trace.nc"]["sha256"]
