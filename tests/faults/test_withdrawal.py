"""A study is withdrawn while pages of it are open: they say so, and nobody gets an error."""

import asyncio
import time
from collections.abc import Callable

from faults.forms import Form
from faults.ledger import Ledger
from faults.load import Load, say_failures
from faults.visitor import Connection, Refused, Site, load_page
from probes import PATIENCE, get
from stack import Stack

STUDY = "smoking-spending"
TOLD_SECONDS = 5.0


def command(stack: Stack, what: str) -> float:
    """Withdraw or restore the study by hand; return when that was done, on the monotonic clock."""
    # In the container that runs: starting another one takes processors from those that are watched.
    stack.compose("exec", "-T", "model-worker", "model-worker", what, STUDY)
    return time.monotonic()


async def open_page(site: Site) -> Connection:
    """Open a page of the study."""
    page = await load_page(site, f"study={STUDY}")
    return await Connection.open(page, page.words["query"])


async def await_words(pages: list[Connection], wanted: Callable[[dict[str, str]], bool]) -> float:
    """Wait until the words of all pages are as wanted; return when they were."""
    await asyncio.gather(*(page.until(wanted, TOLD_SECONDS * PATIENCE) for page in pages))
    return time.monotonic()


def is_missing(words: dict[str, str]) -> bool:
    """Return whether a page says that there is no such study."""
    return words["view"] == "problem" and bool(words["missing"])


def is_shown(words: dict[str, str]) -> bool:
    """Return whether a page shows its figures."""
    return words["view"] == "dashboard"


async def withdraw_and_restore(stack: Stack, count: int) -> tuple[float, float, int, str]:
    """Withdraw a study with open pages, and restore it.

    Returns
    -------
    tuple
        Seconds until all pages said so, and until all showed it again; how many websockets were closed; how a
        new page of the study was answered meanwhile.
    """
    site = Site(stack.url, str(stack.ca))
    pages = [await open_page(site) for _ in range(count)]
    withdrawn = await asyncio.to_thread(command, stack, "withdraw")
    told = await await_words(pages, is_missing) - withdrawn
    try:
        await load_page(site, f"study={STUDY}")
        answer = "200"
    except Refused as refused:
        answer = str(refused)
    restored = await asyncio.to_thread(command, stack, "restore")
    shown = await await_words(pages, is_shown) - restored
    closed = sum(page.lost is not None for page in pages)
    for page in pages:
        await page.close()
    return told, shown, closed, answer


def test_study_that_is_withdrawn_tells_its_open_pages(load: Load, ledger: Ledger, form: Form) -> None:
    stack, count = load.stack, 40 if form.full else 8
    with ledger.account("a study withdrawn and restored while pages of it are open") as account:
        with load.watch() as window:
            told, shown, closed, answer = asyncio.run(withdraw_and_restore(stack, count))
            window.await_loads(20)
        account.add("its pages say so within 5 s", f"{count} within {told:.1f} s", told <= TOLD_SECONDS)
        account.add("and show it again within 5 s once it is back", f"{shown:.1f} s", shown <= TOLD_SECONDS)
        account.add("no websocket of them is closed", f"{closed} of {count}", closed == 0)
        account.add("a new page of it meanwhile is answered with 404", answer, "404" in answer)
        account.add("the list has it again", STUDY, f"study={STUDY}" in get(stack, "/studies").text)
        account.add(
            "no error reaches any other page",
            f"{say_failures(window)} page loads failed, {len(window.lost)} websockets closed, "
            f"{len(window.wrong)} wrong of {len(window.of('answer'))} answers",
            not (window.failed or window.lost or window.wrong) and bool(window.loads),
        )
