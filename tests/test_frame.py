"""A page inside another site's: shown where the setting names that site, and nowhere else."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from browser import chromium, tap
from conftest import await_dashboards
from probes import PATIENCE
from stack import Stack, running

QUERY = "study=cigarette-sales&unit=NY&change=10&embed=1"


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a line for each request."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadingHTTPServer]:
    """Another site: another host name than the dashboard's, so that its frames get none of our cookies."""
    folder = tmp_path_factory.mktemp("site")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def framed(site: ThreadingHTTPServer) -> Iterator[Stack]:
    """Four replicas that let the other site hold their pages."""
    wanted = Stack(
        "longitude-test-frame",
        replicas_wanted=4,
        variables={"FRAME_ANCESTORS": f"http://127.0.0.1:{site.server_port}"},
    )
    with running(wanted) as started:
        await_dashboards(started)
        yield started


def open_frame(page: Page, site: ThreadingHTTPServer, stack: Stack) -> FrameLocator:
    """Open a page of the other site that holds one of ours."""
    folder = Path(site.RequestHandlerClass.keywords["directory"])  # type: ignore[attr-defined]
    (folder / "index.html").write_text(
        f'<title>Elsewhere</title><iframe src="{stack.url}/?{QUERY}" width="1000" height="700"></iframe>'
    )
    page.goto(f"http://127.0.0.1:{site.server_port}/")
    return page.frame_locator("iframe")


def test_page_works_inside_the_site_that_is_named(framed: Stack, site: ThreadingHTTPServer) -> None:
    with chromium(framed.ca) as browser:
        page = browser.new_page(viewport={"width": 1100, "height": 800})
        page.set_default_timeout(10_000 * PATIENCE)
        frame = open_frame(page, site, framed)
        expect(frame.locator("#headline")).to_contain_text("New York", timeout=10_000 * PATIENCE)
        expect(frame.locator("#slot-outcome canvas").first).to_be_attached(timeout=30_000)
        # Without cookies the websocket may be on another replica than the page: a click must work still.
        tap(page.frames[1], "units", "TX")
        expect(frame.locator("#headline")).to_contain_text("Texas", timeout=10_000 * PATIENCE)


def test_page_is_not_shown_inside_a_site_that_is_not_named(stack: Stack, site: ThreadingHTTPServer) -> None:
    with chromium(stack.ca) as browser:
        page = browser.new_page()
        with page.expect_console_message(
            lambda said: "frame-ancestors" in said.text, timeout=10_000 * PATIENCE
        ):
            frame = open_frame(page, site, stack)
        assert frame.locator("#headline").count() == 0
