"""A crowd of visitors, a program of its own, so that it sees a stack while a test does things to it.

Sessions change a widget every so often, check each answer, and come back when their websocket is lost
exactly as the page's own script does; beside them, new visitors load the page. All that happens is
written to standard output as JSON lines with the monotonic time, which all processes of a machine share:

`load`      a page load has ended: when it began, seconds, replica or error, whether with its websocket
`answer`    a session's change was answered rightly, in so many seconds
`wrong`     a session shows another state than the one it left, or other numbers for the same state
`lost`      a session's websocket was closed, with this code
`live`      a session is (again) live with its state verified: after how many tries, seconds since lost
`try`       a session could not open its websocket, and why
`gone`      a session has had its last retry and waits for the page to answer, then loads it again
`left`      a session was closed by its reader, in whose place another comes
`held`      all is there but the visitors, who come at SIGUSR1
`told`      a session's page says that there is a newer version, since that moment
`tick`      four times a second: sessions live now, when the oldest page load under way began, and by how
            much this process itself has been late since the last one: what it times may be that much off
"""

import argparse
import asyncio
import gc
import itertools
import json
import math
import random
import signal
import time
from pathlib import Path
from typing import Any

from bokeh.util.token import generate_jwt_token, get_session_id

from faults.visitor import QUERY, Connection, Lost, Page, Refused, Site, load_page, read_state

RETRIES = (0.0, 0.5, 1.5, 2.5, 5.5)
"""Seconds after each failure before a page tries the websocket again: BokehJS does 0, 2, 4, 8 and 16 s after
one (connection.ts), five times at most, and assets/page.js once more half a second after the first."""

RELOAD_SECONDS = 3.0
"""How often assets/page.js asks whether a replica answers, once the retries are over."""

FIRST_RELOAD_SECONDS = 0.5
"""After how long it loads itself again where its first websocket could not be opened."""

TICK_SECONDS = 0.25
LOOK_SECONDS = 0.01
STARTS_A_SECOND = 10
EVERY_WITH_SOCKET = 10
"""Of the new visitors, one in so many also opens the websocket and pulls the document."""

PUSH_SECONDS = 0.02
PUSHED = ("study=smoking-spending", "study=cigarette-sales")
"""What takes a replica longest: another study, with all there is of it."""

YOUNG_ONLY = (5_000, 5, 2**31 - 1)
DAY_SECONDS = 86_400
CHANGES = range(1, 50)


def say(what: str, **parts: object) -> None:
    """Write one line."""
    print(json.dumps({"at": time.monotonic(), "what": what} | parts), flush=True)


class Crowd:
    """All visitors of one process, and what they have in common.

    Parameters
    ----------
    age
        Seconds that sessions pretend to have been open: their tokens expire so much earlier. Needs the
        secret that tokens are signed with.
    stay
        Seconds that a reader stays, in the mean; without an end where it is 0.
    starts
        How many sessions begin a second.
    pushes
        Whether sessions ask for changes all the time and wait for no answer, once all are there.
    reads
        Whether they read what they are sent, once they have their document.

    Attributes
    ----------
    full
        Set once so many have been live as there are to be.
    """

    def __init__(
        self,
        site: Site,
        sessions: int,
        query: str,
        every: float,
        age: float,
        secret: bytes | None,
        stay: float = 0.0,
        starts: float = STARTS_A_SECOND,
        pushes: bool = False,
        reads: bool = True,
    ) -> None:
        self.site = site
        self.sessions = sessions
        self.query = query
        self.every = every
        self.stay = stay
        self.starts = starts
        self.pushes = pushes
        self.reads = reads
        self.live = 0
        self.full = asyncio.Event()
        self._age = age
        self._secret = secret
        self._loads: dict[int, float] = {}
        self._numbers = itertools.count()
        self._means: dict[str, str] = {}

    async def load(self, *, with_socket: bool = False) -> Page | None:
        """Load the page once, and tell how it went; None where it failed."""
        number, start = next(self._numbers), time.monotonic()
        self._loads[number] = start
        replica = error = None
        page = None
        try:
            page = await load_page(self.site, self.query)
            replica = page.replica
            if with_socket:
                page = await self.look(page)
        except (Refused, Lost) as failure:
            error, page = str(failure), None
        del self._loads[number]
        seconds = time.monotonic() - start
        say("load", began=start, seconds=seconds, replica=replica, error=error, socket=with_socket)
        return page

    async def look(self, page: Page) -> Page:
        """Open a page's websocket; where that fails, load the page again soon, as its script does."""
        try:
            connection = await Connection.open(page, page.words["query"])
        except Refused:
            await asyncio.sleep(FIRST_RELOAD_SECONDS)
            page = await load_page(self.site, page.words["query"], page)
            connection = await Connection.open(page, page.words["query"])
        await connection.close()
        return page

    def age_token(self, page: Page) -> str:
        """Give the token that the page would hold if it had been loaded `age` seconds ago."""
        if self._secret is None:
            return page.token
        return generate_jwt_token(
            get_session_id(page.token),
            secret_key=self._secret,
            signed=True,
            expiration=int(DAY_SECONDS - self._age),
        )

    def compare(self, words: dict[str, str]) -> str:
        """Say in what the numbers of a state differ from those seen before for the same state."""
        mean = words["effect-unit-mean-value"]
        first = self._means.setdefault(words["query"], mean)
        return "" if mean == first else f"{words['query']}: {mean}, and before {first}"

    async def visit(self, rate: float) -> None:
        """Let new visitors come, so many a second."""
        tasks: set[asyncio.Task[Any]] = set()
        start = time.monotonic()
        for number in itertools.count():
            await asyncio.sleep(start + number / rate - time.monotonic())
            task = asyncio.create_task(self.load(with_socket=number % EVERY_WITH_SOCKET == 0))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def tick(self) -> None:
        """Tell how things stand."""
        while True:
            late = await self._find_lateness()
            if self.live >= self.sessions:
                self.full.set()
            say("tick", live=self.live, oldest=min(self._loads.values(), default=None), late=late)

    async def _find_lateness(self) -> float:
        """Look for a while how late this process comes to what is due; give the seconds of the worst."""
        worst, until = 0.0, time.monotonic() + TICK_SECONDS
        while (due := time.monotonic() + LOOK_SECONDS) < until:
            await asyncio.sleep(LOOK_SECONDS)
            worst = max(worst, time.monotonic() - due)
        return worst


class Reader:
    """One of the crowd with an open page, who changes something every so often."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd = crowd
        self._number = number
        self._chance = random.Random(number)
        self._states: list[dict[str, str]] = []
        self._query = ""
        self._leaves = float("inf")

    async def read(self) -> None:
        """Open the page and stay; load it again when it is gone."""
        await asyncio.sleep(self._number / self._crowd.starts)
        while True:
            page = await self._crowd.load()
            if page is None:
                await asyncio.sleep(RELOAD_SECONDS)
                continue
            self._query = page.words["query"]
            # A page that is being loaded does not know yet what its address will say.
            self._states = [] if page.words["view"] == "loading" else [read_state(page.words)]
            stay = self._crowd.stay
            self._leaves = time.monotonic() + self._chance.expovariate(1 / stay) if stay else float("inf")
            if await self._stay(page):
                say("left", session=self._number)
                continue
            say("gone", session=self._number)
            await self._await_answer()

    async def _stay(self, page: Page) -> bool:
        """Be live, and come back after each loss; return when it leaves, or when the retries are over.

        Returns
        -------
        bool
            Whether it left.
        """
        token, since, tries, was_live = self._crowd.age_token(page), time.monotonic(), 0, False
        while tries < len(RETRIES):
            if was_live:
                await asyncio.sleep(RETRIES[tries])
            tries += 1
            try:
                connection = await Connection.open(page, self._query, token, reads=self._crowd.reads)
            except (Refused, Lost) as failure:
                say("try", session=self._number, error=str(failure))
                if not was_live:
                    return False
                continue
            was_live = True
            page.cookies.update(connection.cookies)
            self._verify(connection)
            seconds = time.monotonic() - since
            say("live", session=self._number, replica=connection.replica, tries=tries, seconds=seconds)
            self._crowd.live += 1
            try:
                await self._act(connection)
                return True
            except Lost as lost:
                since, tries = time.monotonic(), 0
                say("lost", session=self._number, replica=connection.replica, code=lost.code)
            finally:
                self._crowd.live -= 1
                await connection.close()
        return False

    def _verify(self, connection: Connection) -> None:
        """Compare the state with the one that was left; a change under way may or may not have come in."""
        state = read_state(connection.words)
        if self._states and state not in self._states:
            say("wrong", session=self._number, expected=self._states, found=state)
        self._states, self._query = [state], connection.words["query"]

    async def _act(self, connection: Connection) -> None:
        """Change a widget every so often, until it is time to leave or the websocket is lost."""
        if self._crowd.pushes:
            await self._push(connection)
        gone = asyncio.create_task(connection.until_lost())
        told_at: float | None = None
        try:
            due = time.monotonic() + self._chance.random() * self._crowd.every
            while due < self._leaves:
                done, _ = await asyncio.wait({gone}, timeout=max(0.0, due - time.monotonic()))
                if done:
                    raise gone.result()
                await self._change(connection)
                if connection.told_at is not None and connection.told_at != told_at:
                    told_at = connection.told_at
                    say("told", session=self._number, since=told_at)
                due = self._find_next(due)
        finally:
            gone.cancel()

    def _find_next(self, due: float) -> float:
        """Find when it changes something again: as if it had never been late, or all who were held up
        together would act together from then on.
        """
        every = self._crowd.every
        return due + every * max(1, math.ceil((time.monotonic() - due) / every))

    async def _push(self, connection: Connection) -> None:
        await self._crowd.full.wait()
        for number in itertools.count():
            study, change = PUSHED[number % len(PUSHED)], self._chance.choice(CHANGES)
            await connection.wish(f"{study}&tab=analyst&multiples=1&change={change}")
            await asyncio.sleep(PUSH_SECONDS)

    async def _change(self, connection: Connection) -> None:
        before = self._states[0]
        if self._chance.random() < 0.5:
            name, units = "unit", connection.units
            value: object = self._chance.choice([unit for unit in units if unit != before["unit"]])
            label = units[str(value)]
        else:
            name, label = "change", ""
            value = self._chance.choice([step for step in CHANGES if str(step) != before["change"]])
        wanted = before | {name: str(value)}
        self._states = [before, wanted]
        seconds = await connection.change(name, value, wanted, label)
        self._states, self._query = [wanted], connection.words["query"]
        say("answer", session=self._number, replica=connection.replica, seconds=seconds)
        difference = self._crowd.compare(connection.words)
        if difference:
            say("wrong", session=self._number, difference=difference)

    async def _await_answer(self) -> None:
        """Ask now and then whether a replica answers, as the page does before it loads itself again."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            try:
                await self._crowd.site.fetch("/", method="HEAD")
            except Refused:
                continue
            return


async def main() -> None:
    """Run until told to stop."""
    # A collection of everything would hold all visitors up, and be blamed on the server.
    gc.set_threshold(*YOUNG_ONLY)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--origin", default="", help="which site pages are of, where it is not the URL")
    parser.add_argument("--query", default=QUERY)
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--every", type=float, required=True, help="seconds between a session's changes")
    parser.add_argument("--loads", type=float, required=True, help="new page loads a second")
    parser.add_argument("--stay", type=float, default=0.0, help="seconds that readers stay, in the mean")
    parser.add_argument("--starts", type=float, default=STARTS_A_SECOND, help="sessions that begin a second")
    parser.add_argument("--push", action="store_true", help="ask all the time, and wait for no answer")
    parser.add_argument("--deaf", action="store_true", help="read nothing after the document")
    parser.add_argument("--held", action="store_true", help="let nobody come before SIGUSR1")
    parser.add_argument("--age", type=float, default=0.0)
    parser.add_argument("--secret", type=Path)
    options = parser.parse_args()
    secret = options.secret.read_bytes().strip() if options.secret else None
    site = Site(options.url, options.ca, options.origin)
    crowd = Crowd(
        site,
        options.sessions,
        options.query,
        options.every,
        options.age,
        secret,
        options.stay,
        options.starts,
        options.push,
        not options.deaf,
    )
    stop, begin = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, begin.set)
    if options.held:
        say("held")
        await begin.wait()
    work = [Reader(crowd, number).read() for number in range(options.sessions)]
    if options.loads:
        work.append(crowd.visit(options.loads))
    tasks = [asyncio.create_task(one) for one in (*work, crowd.tick())]
    stopped = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in done - {stopped}:
        task.result()


if __name__ == "__main__":
    asyncio.run(main())
