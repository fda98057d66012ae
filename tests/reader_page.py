"""The reader's tab as tests load it and ask it."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

from stack import Stack

SALES = "study=cigarette-sales&unit=NY&change=10"


def load(page: Page, stack: Stack, query: str = SALES) -> None:
    page.goto(f"{stack.url}/?{query}")
    expect(page.locator("#slot-page")).to_be_attached()
    expect(page.locator("#slot-outcome canvas").first).to_be_attached(timeout=30_000)


def asked(page: Page) -> dict[str, list[str]]:
    """Return the parts of the address, without the version."""
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
