"""A replica that does not answer, though it lives: the proxy goes around it, and nobody notices."""

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from docker.models.containers import Container

from faults.ages import find_fullest
from faults.injection import await_healthy, started_at, stopped
from faults.knocking import Knocks, knocking
from faults.ledger import Account, Ledger
from faults.load import Load, Window, say_failures
from faults.tab import WatchedTab
from faults.visitor import Connection, Site, load_page
from probes import eventually
from stack import Stack

SLOWEST_SECONDS = 5.0
ROUTED_SECONDS = 2.0
HUNG_SECONDS = 15
BLOCKED_SECONDS = 90
BACK_SECONDS = 5.0


def account_for_silence(account: Account, window: Window, knocks: Knocks, since: float) -> None:
    """Note what has to hold while a replica is silent, since a moment on the monotonic clock."""
    account.add("no page load fails", say_failures(window), not window.failed)
    account.add("the slowest takes 5 s", f"{window.slowest:.1f} s", window.slowest <= SLOWEST_SECONDS)
    routed = knocks.time_routed_around(since)
    account.add(
        "within 2 s nobody is sent to it any more",
        f"the last request after {routed:.1f} s",
        routed <= ROUTED_SECONDS,
    )
    account.add("every change is answered rightly", f"{len(window.wrong)} wrong", not window.wrong)


@pytest.mark.full
def test_replica_that_is_stopped_is_routed_around(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger
) -> None:
    victim = find_fullest(load)
    with ledger.account("SIGSTOP one replica") as account:
        with load.watch() as window:
            with knocking(stack, victim.short_id) as knocks, stopped(victim) as since:
                window.await_loads(int(HUNG_SECONDS * load.loads))
            await_healthy(victim)
            load.await_all_live(40)
        account_for_silence(account, window, knocks, since)
        account.add("the page in Chromium answers afterwards", f"{tab.change_unit(30):.1f} s", True)


@contextmanager
def blocked(stack: Stack, victim: Container, seconds: int) -> Iterator[float]:
    """Open a session of our own on a replica and have its callback block it; give when it did."""

    async def ask() -> None:
        site = Site(stack.url, str(stack.ca))
        while True:
            page = await load_page(site)
            if page.replica == victim.short_id:
                break
        connection = await Connection.open(page, page.words["query"])
        await connection.wish(f"block={seconds}")
        # The replica ends before its callback does, and the websocket with it.
        await connection.until_lost()

    # A thread of its own: Playwright has an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(asyncio.run, ask())
        before = victim.logs().count(b"blocking for")
        eventually(lambda: victim.logs().count(b"blocking for") > before, 10, "the callback blocks")
        yield time.monotonic()
        asked.result(BLOCKED_SECONDS)


def test_replica_whose_callback_blocks_is_routed_around_and_starts_anew(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger
) -> None:
    victim = find_fullest(load)
    before = started_at(victim)
    with ledger.account("a callback that blocks a replica's event loop") as account:
        with load.watch() as window:
            with knocking(stack, victim.short_id) as knocks, blocked(stack, victim, BLOCKED_SECONDS) as since:
                eventually(lambda: started_at(victim) != before, BLOCKED_SECONDS / 3, "it starts anew")
                anew = time.monotonic() - since
            await_healthy(victim)
            load.await_all_live(40)
        account_for_silence(account, window, knocks, since)
        says = re.search(r" in (block|sleep)\b", victim.logs().decode()) is not None
        account.add(
            "it says where it hung, and starts anew by itself",
            f"{'the callback is named in its log' if says else 'its log does not say'}; after {anew:.1f} s",
            says,
        )
        account.add(
            "its sessions are then live again within 5 s with their state",
            f"{len(window.lost)} sessions, the slowest {window.longest_outage():.1f} s",
            0 < window.longest_outage() <= BACK_SECONDS,
        )
        account.add("the page in Chromium answers afterwards", f"{tab.change_unit(30):.1f} s", True)
