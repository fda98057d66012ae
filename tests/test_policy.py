"""In a real Chromium no page of the site does what its Content-Security-Policy forbids."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser import violations_of, watch_policy
from probes import get
from stack import Stack


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    watch_policy(opened)
    yield opened
    context.close()


@pytest.mark.parametrize("study", ["smoking-spending", "cigarette-sales"])
@pytest.mark.parametrize(
    "options", ["", "view=dots&theme=dark&mass=0.5", "multiples=1&compare=NY", "embed=1"]
)
def test_readers_tab_does_nothing_that_is_forbidden(
    stack: Stack, tab: Page, study: str, options: str
) -> None:
    tab.goto(f"{stack.url}/?study={study}&unit=CA&{options}")
    expect(tab.locator("#slot-effect-unit-density canvas").first).to_be_attached(timeout=30_000)
    if "embed" not in options:
        tab.locator("#slot-unit select").select_option(label="Texas")
        expect(tab.locator("#effect-unit-heading")).to_contain_text("Texas")
        for table in tab.locator("details.table summary").all():
            if table.is_visible():
                table.click()
    tab.wait_for_load_state("networkidle")
    assert violations_of(tab) == []


def test_analysts_tab_does_nothing_that_is_forbidden(stack: Stack, tab: Page) -> None:
    tab.goto(f"{stack.url}/?study=cigarette-sales&tab=analyst")
    for slot in tab.locator("#tab-analyst section .slot").all():
        expect(slot.locator("p, table").first).to_be_visible(timeout=60_000)
    for summary in tab.locator("#tab-analyst summary").all():
        if summary.is_visible():
            summary.click()
    tab.wait_for_load_state("networkidle")
    assert violations_of(tab) == []


@pytest.mark.parametrize(
    "path",
    [
        "/studies",
        "/nothing",
        "/?bokeh-token=x",
        "/data/none.csv",
        "/static/none",
        "/?study=none&unit=%3Cb%3E",
    ],
)
def test_other_pages_and_errors_do_nothing_that_is_forbidden(stack: Stack, tab: Page, path: str) -> None:
    answer = tab.goto(stack.url + path)
    assert answer is not None
    assert (
        "script-src" in answer.headers["content-security-policy"]
        or "default-src 'none'" in (answer.headers["content-security-policy"])
    )
    tab.wait_for_load_state("networkidle")
    assert violations_of(tab) == []


def test_what_is_forbidden_is_refused_and_noticed(stack: Stack, tab: Page) -> None:
    tab.goto(f"{stack.url}/studies")
    tab.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "globalThis.ran = true";
          const foreign = document.createElement("script");
          foreign.src = "https://evil.example/x.js";
          document.head.append(script);
          document.head.append(foreign);
        }"""
    )
    tab.wait_for_function("violations.length >= 2")
    assert tab.evaluate("globalThis.ran") is None


def test_policy_has_nothing_unsafe_for_scripts(stack: Stack) -> None:
    for path in ("/", "/studies", "/nothing"):
        policy = get(stack, path).headers["Content-Security-Policy"]
        parts = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
        assert parts.get("script-src", parts["default-src"]) in {"'self'", "'none'"}
        assert parts["default-src"] == parts["base-uri"] == parts["form-action"] == "'none'"
