"""Cost of a widget's change for the server, and time until sessions are back on another replica."""

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor

import requests
import websocket
from visitors.sessions import (
    CLIENTS,
    Server,
    await_idle,
    close_all,
    load_page,
    open_websocket,
    processor_seconds,
)

from faults.crowd import RETRIES
from faults.visitor import Connection, Page, Site, read_state

READERS = 4
IDLE_SECONDS = 5.0
STEPS = range(1, 50)


def check_page(server: Server) -> None:
    """Raise where a page does not show the figures: one whose application is at fault is quick to make."""
    view = asyncio.run(_read_view(server))
    assert view == "dashboard", f"{server.page} shows {view}"


async def _read_view(server: Server) -> str:
    reader = await _open(server)
    await reader.close()
    return reader.words["view"]


def measure_change(server: Server, changes: int) -> float:
    """Return the processor seconds of a change, of a unit or by a slider, a few readers taking turns.

    What the server takes when nothing is asked of it is subtracted.
    """
    await_idle(server)
    return asyncio.run(_measure_change(server, changes))


async def _measure_change(server: Server, changes: int) -> float:
    readers = [await _open(server) for _ in range(READERS)]
    chance = random.Random(changes)
    # What is made at the first change of a process, of a session or of a unit counts for neither.
    for reader in readers:
        await _change(reader, chance)
    idle, since = processor_seconds(server.container), time.monotonic()
    await asyncio.sleep(IDLE_SECONDS)
    idle = (processor_seconds(server.container) - idle) / (time.monotonic() - since)
    used, since = processor_seconds(server.container), time.monotonic()
    for number in range(changes):
        await _change(readers[number % READERS], chance)
    used = processor_seconds(server.container) - used - idle * (time.monotonic() - since)
    for reader in readers:
        await reader.close()
    return used / changes


async def _open(server: Server) -> Connection:
    answer = load_page(server)
    url, _, query = server.page.partition("?")
    site = Site(url.rstrip("/"), None, server.origin or server.url)
    page = Page(site, "", server.find_token(answer.text), answer.cookies.get_dict(), {})
    return await Connection.open(page, query)


async def _change(reader: Connection, chance: random.Random) -> None:
    state = read_state(reader.words)
    if chance.random() < 0.5:
        name, units = "unit", reader.units
        value: object = chance.choice([unit for unit in units if unit != state["unit"]])
        label = units[str(value)]
    else:
        name, label = "change", ""
        value = chance.choice([step for step in STEPS if str(step) != state["change"]])
    await reader.change(name, value, state | {name: str(value)}, label)


def come_back(server: Server, answer: requests.Response) -> websocket.WebSocket:
    """Open the websocket of a page that lost its replica, and again as often and as late as a page does."""
    for pause in RETRIES:
        time.sleep(pause)
        try:
            return open_websocket(server, answer)
        except (OSError, websocket.WebSocketException) as error:
            refusal = error
    raise refusal


def measure_return(first: Server, second: Server, sessions: int) -> float:
    """Return the seconds until sessions of one replica are all live at another that did not make them."""
    with ThreadPoolExecutor(CLIENTS) as visitors:
        answers = list(visitors.map(lambda _: load_page(first), range(sessions)))
        close_all(list(visitors.map(lambda answer: open_websocket(first, answer), answers)))
    with ThreadPoolExecutor(sessions) as visitors:
        began = time.monotonic()
        opened = list(visitors.map(lambda answer: come_back(second, answer), answers))
        seconds = time.monotonic() - began
    close_all(opened)
    return seconds
