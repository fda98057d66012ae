"""Building documents that nobody sees, to know that visitors' documents can be built, and at once."""

import asyncio
import logging
from collections.abc import Callable

from bokeh.document import Document

from dashboard.analyst import prepare_sections
from dashboard.application import FAULT, PageBuilder
from dashboard.process import Process

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
RETRY_SECONDS = 5.0


def try_build(builder: PageBuilder, query: str) -> str | None:
    """Build a document and what would be sent of it, as a visitor's; give the fault, or None.

    What a process makes only once, imports and what versions keep of their answers, is made by this.
    """
    document = Document()
    builder.build(document, query)
    try:
        document.to_json()
        return document.template_variables.get(FAULT)
    finally:
        document.destroy(None)


def try_every(process: Process, builder: PageBuilder) -> str | None:
    """Build the page of an empty address and one of each study; give the first fault, or None."""
    queries = ("", *(f"study={now.name}" for now in process.cache.shelf.studies if now.current is not None))
    faults = (try_build(builder, query) for query in queries)
    return next((fault for fault in faults if fault is not None), None)


def prepare_tabs(process: Process) -> None:
    """Make what all pages show in the analyst's tab of each current version.

    A process that takes over pages of another one has no second to spare for it.
    """
    for now in process.cache.shelf.studies:
        if now.current is None:
            continue
        try:
            prepare_sections(now.current)
        except Exception:
            log.exception("study %s: the analyst's tab could not be made; the page is served", now.name)


async def try_builds(process: Process, builder: PageBuilder, ready: Callable[[], None]) -> None:
    """Try whenever other versions are served, and every few seconds while builds fail; then say `ready`.

    Open pages are told of other versions after that.
    """
    since = 0.0
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(prepare_tabs, process)
    while True:
        served = process.served
        failing = process.health.build_fault is not None
        if served != process.tried or (failing and loop.time() - since > RETRY_SECONDS):
            process.health.build_fault = await asyncio.to_thread(try_every, process, builder)
            process.tried, since = served, loop.time()
            ready()
            process.herald.announce()
        await asyncio.sleep(LOOK_SECONDS)
