"""A page that nobody sees, built so that it is known whether visitors' pages can be built."""

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlencode

from dashboard.application_state import ApplicationState
from dashboard.live.documents import try_build

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
LOOK_SECONDS = 0.25


async def keep_trying(state: ApplicationState, ready: Callable[[], None]) -> None:
    """Try to build the page of the first study until it can be built, then call `ready`.

    A page that later fails to build is that page's fault alone, and no reason to send all visitors elsewhere.
    """
    while not state.catalogue.has_read:
        await asyncio.sleep(LOOK_SECONDS)
    while True:
        published = (entry.name for entry in state.catalogue.snapshot.entries if entry.published is not None)
        study = state.catalogue.snapshot.front or next(published, None)
        query = urlencode({"study": study} if study is not None else {})
        await state.wait_for_draws(query, RETRY_SECONDS)
        fault = await asyncio.to_thread(try_build, state.builder, query)
        state.health.build_fault = fault
        ready()
        if fault is None:
            return
        await asyncio.sleep(RETRY_SECONDS)
