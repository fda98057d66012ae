"""Building a document that nobody sees, to know that visitors' documents can be built."""

import asyncio

from bokeh.application import Application

from dashboard.process import Process
from dashboard.versions import LoadedVersion

LOOK_SECONDS = 0.25
RETRY_SECONDS = 5.0


def try_build(application: Application) -> str | None:
    """Build a document as a visitor's would be; give the fault, or None."""
    document = application.create_document()
    if "words" in document.template_variables:
        return None
    faults = [handler.error for handler in application.handlers if handler.failed and handler.error]
    return " ".join(faults).replace("\n", " ") or "the application left the document empty"


async def try_builds(process: Process, application: Application) -> None:
    """Try a build whenever other versions are served, and every few seconds while builds fail."""
    tried: list[LoadedVersion | None] | None = None
    since = 0.0
    loop = asyncio.get_running_loop()
    while True:
        served = [now.current for now in process.cache.shelf.studies]
        failing = process.health.build_fault is not None
        if served != tried or (failing and loop.time() - since > RETRY_SECONDS):
            process.health.build_fault = try_build(application)
            tried, since = served, loop.time()
        await asyncio.sleep(LOOK_SECONDS)
