"""The stack that faults are made to happen to, its base load, and the ledger of what was measured."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser

from faults.forms import FORMS, Form
from faults.injection import sessions_of
from faults.ledger import Ledger, describe_machine
from faults.load import Load
from faults.tab import WatchedTab
from probes import await_dashboards, eventually
from stack import ARTIFACTS, REPOSITORY, Stack, running

REPLICAS = 4

# Who only loads the page leaves a session behind for a while, which holds what it shows in memory.
MANY_SESSIONS = {"SESSIONS_MAX": "1000", "VERSIONS_MEMORY_MB": "400"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: belongs to the full form of the faults only")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("faults") == "full":
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="package")
def form(request: pytest.FixtureRequest) -> Form:
    option = request.config.getoption
    form = FORMS[option("faults")]
    return replace(form, sessions=option("sessions") or form.sessions, loads=option("loads") or form.loads)


@pytest.fixture(scope="package")
def ledger(form: Form, request: pytest.FixtureRequest) -> Ledger:
    """Of the full form in docs/; of the short form among the artifacts, from nothing."""
    ledger = Ledger(REPOSITORY / "docs" if form.full else ARTIFACTS / "faults")
    if form.full:
        ledger.read(soak_only=request.config.getoption("anew"))
    sizes = f"{REPLICAS} replicas with {form.sessions} live websocket sessions that each change a widget "
    sizes += f"every 2 s, {form.loads:g} new page loads a second, and a page in Chromium where a row has it"
    without = "Addresses, tokens and the volume are tried without it."
    ledger.conditions = [f"Base load, unless a row says otherwise: {sizes}. {without}", describe_machine()]
    return ledger


@pytest.fixture(scope="package")
def stack() -> Iterator[Stack]:
    """Four replicas with both shipped studies published, which faults are made to happen to."""
    faults = Stack(
        "longitude-faults",
        replicas_wanted=REPLICAS,
        # The version before is removed as soon as there is a new one, which one of the faults needs.
        variables=MANY_SESSIONS | {"RETENTION_VERSIONS": "1", "RETENTION_DAYS": "0"},
        overlays=("compose.test.yaml", "tests/faults/compose.yaml", "tests/faults/compose.planted.yaml"),
    )
    with running(faults) as started:
        await_dashboards(started)
        yield started
        # A test that fails does not end this context with its error; what explains it is kept anyway.
        started.save_artifacts()


@pytest.fixture(scope="package")
def base(stack: Stack, form: Form) -> Iterator[Load]:
    """The base load, running from when a test first asks for it until one asks for quiet."""
    load = Load(stack, form.sessions, form.loads, name="base")
    yield load
    load.stop()


@pytest.fixture
def load(base: Load) -> Load:
    """The base load, every session of it live, whatever the test before has done."""
    if not base.runs:
        base.start()
    base.await_all_live(60)
    return base


@pytest.fixture
def quiet_stack(stack: Stack, base: Load) -> Stack:
    """The stack without its base load and its sessions, for what cannot be told from them."""
    base.stop()
    replicas = stack.containers("bokeh")
    eventually(lambda: not any(map(sessions_of, replicas)), 90, "the load's sessions have ended")
    return stack


@pytest.fixture
def tab(stack: Stack, base: Load, browser: Browser) -> Iterator[WatchedTab]:
    """The one real page, answering; it leaves with its test."""
    page = browser.new_page()
    watched = WatchedTab(page, stack)
    watched.change_unit(60)
    yield watched
    page.close()
