"""How long the proxy goes on to send requests where nobody answers."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event

from faults.visitor import Page, Refused, Site, load_page
from probes import eventually
from stack import Stack

EVERY_SECONDS = 0.2
UNANSWERED_SECONDS = 0.9
"""What was not answered for so long has waited for a replica that was silent: for the second in which no
connection comes about, or for the three that an answer may take (traefik/dynamic/pages.yaml)."""


@dataclass
class Knocks:
    """Requests that lead to one replica by its cookie for as long as the proxy thinks that it answers.

    They make no session. `answers` are when each began, on the monotonic clock, and its seconds.
    """

    site: Site
    page: Page
    answers: list[tuple[float, float]] = field(default_factory=list)

    async def knock(self) -> None:
        """Ask once."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.page.cookies.items())
        began = time.monotonic()
        with suppress(Refused):
            await self.site.fetch("/", method="HEAD", headers={"Cookie": cookies})
        self.answers.append((began, time.monotonic() - began))

    def time_routed_around(self, since: float) -> float:
        """Give the seconds from a moment until the last request that was sent to a silent replica."""
        silent = [began - since for began, seconds in self.answers if seconds > UNANSWERED_SECONDS]
        assert any(after + UNANSWERED_SECONDS > 0 for after in silent), "no request met the silent replica"
        return max(silent)


async def knock_until(over: Event, begun: list[Knocks], stack: Stack, replica: str) -> None:
    """Find a page of a replica, then knock there every so often until it is over and all were answered."""
    site = Site(stack.url, str(stack.ca))
    while True:
        page = await load_page(site)
        if page.replica == replica:
            break
    knocks = Knocks(site, page)
    begun.append(knocks)
    under_way = set()
    while not over.is_set():
        under_way.add(asyncio.create_task(knocks.knock()))
        await asyncio.sleep(EVERY_SECONDS)
    await asyncio.gather(*under_way)


@contextmanager
def knocking(stack: Stack, replica: str) -> Iterator[Knocks]:
    """Knock at one replica for as long as the context lasts."""
    over, begun = Event(), list[Knocks]()
    # A thread of its own: Playwright has an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        knocking_on = thread.submit(asyncio.run, knock_until(over, begun, stack, replica))
        try:
            eventually(lambda: begun, 30, f"a page of {replica}")
            yield begun[0]
        finally:
            over.set()
        knocking_on.result()
