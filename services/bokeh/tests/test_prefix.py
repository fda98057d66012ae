"""The dashboard works below a prefix that nothing in it knows of."""

import re
import sys
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
from synthetic import make_card, publish
from visits import Visit, read_block

from conftest import Service, eventually, make_service

HOST = """
import contextlib, os, sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from dashboard.application_state import make_state
from dashboard.settings import read_settings
from dashboard.site import make_site

settings = read_settings()
site = make_site(make_state(settings))

@contextlib.asynccontextmanager
async def lifespan(_host):
    async with site.router.lifespan_context(site):
        yield

async def home(_request):
    return PlainTextResponse("the host's own page")

host = Starlette(lifespan=lifespan, routes=[Route("/", home), Mount("/longitude", app=site)])
uvicorn.run(host, port=settings.port, ws="websockets-sansio", log_level="warning")
"""


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Service]:
    """The dashboard mounted below a path of another Starlette application."""
    made = make_service(tmp_path)
    publish(made.root)
    publish(made.root, make_card("another", "Another"))
    made.start(command=(sys.executable, "-c", HOST))
    eventually(lambda: made.ask()[0] == 200)
    yield made
    made.kill()


def test_page_websocket_lists_tables_and_files_work_below_a_mount(mounted: Service) -> None:
    eventually(lambda: '"smoking"' in mounted.ask("/longitude/studies.json")[1])
    assert mounted.ask("/") == (200, "the host's own page")
    visit = Visit(mounted, "study=smoking&unit=NY", prefix="/longitude")
    visit.slide(20)
    visit.wait_for(lambda words: words["query"].endswith("change=20"))
    _, page = mounted.ask("/longitude/?study=smoking")
    addresses = re.findall(r'(?:href|src)="([^"#]+)"', page)
    assert any(address.startswith("static/") for address in addresses)
    for address in (*addresses, "data/effect-unit.csv?study=smoking", "studies"):
        status, body = mounted.ask(urljoin("/longitude/", unescape(address)))
        assert status == 200, (address, body)
    assert read_block(page, "render-item")["token"]
    visit.close()


def test_mount_without_its_slash_leads_to_the_page(mounted: Service) -> None:
    answer = mounted.look("/longitude")
    assert answer.status in {307, 308}
    assert answer.headers["Location"].endswith("/longitude/")
