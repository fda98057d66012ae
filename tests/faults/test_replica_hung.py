"""A replica that does not answer, though it lives: the proxy goes around it, and nobody notices."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from faults.access import time_routed_around
from faults.injection import await_healthy, started_at, stopped
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


def account_for_silence(account: Account, stack: Stack, window: Window, since: float) -> None:
    """Note what has to hold while a replica is silent: `since` is when that began, since 1970."""
    account.add("no page load fails", say_failures(window), not window.failed)
    account.add("the slowest takes 5 s", f"{window.slowest:.1f} s", window.slowest <= SLOWEST_SECONDS)
    routed = time_routed_around(stack, since)
    account.add(
        "within 2 s no new visitor is sent to it",
        f"the last was after {routed:.1f} s",
        routed <= ROUTED_SECONDS,
    )
    account.add("every change is answered rightly", f"{len(window.wrong)} wrong", not window.wrong)


@pytest.mark.full
def test_replica_that_is_stopped_is_routed_around(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger
) -> None:
    victim = stack.containers("bokeh")[1]
    with ledger.account("SIGSTOP one replica") as account:
        with load.watch() as window:
            with stopped(victim):
                since = time.time()
                window.await_loads(int(HUNG_SECONDS * load.loads))
            await_healthy(victim)
            load.await_all_live(40)
        account_for_silence(account, stack, window, since)
        account.add("the page in Chromium answers afterwards", f"{tab.change_unit(30):.1f} s", True)


@contextmanager
def blocked(stack: Stack, seconds: int) -> Iterator[str]:
    """Open a session of our own and have its callback block its replica; give which one that is."""

    async def ask() -> Connection:
        page = await load_page(Site(stack.url, str(stack.ca)))
        connection = await Connection.open(page, page.words["query"])
        await connection.wish(f"block={seconds}")
        return connection

    with asyncio.Runner() as runner:
        connection = runner.run(ask())
        eventually(lambda: f"blocking for {seconds} s" in stack.logs("bokeh"), 2, "the callback blocks")
        yield connection.replica
        runner.run(connection.close())


def test_replica_whose_callback_blocks_is_routed_around_and_starts_anew(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger
) -> None:
    with ledger.account("a callback that blocks a replica's event loop") as account:
        with load.watch() as window:
            since = time.time()
            with blocked(stack, BLOCKED_SECONDS) as name:
                began = time.monotonic()
                victim = next(one for one in stack.containers("bokeh") if one.short_id == name)
                before = started_at(victim)
                eventually(lambda: started_at(victim) != before, BLOCKED_SECONDS / 3, "it starts anew")
                anew = time.monotonic() - began
            await_healthy(victim)
            load.await_all_live(40)
        account_for_silence(account, stack, window, since)
        says = ", in block\n" in victim.logs().decode()
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
