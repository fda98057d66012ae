"""How long the proxy goes on to send requests where nobody answers."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread

import requests

from probes import eventually, visit
from stack import Stack

EVERY_SECONDS = 0.1
UNANSWERED_SECONDS = 0.9
"""What was not answered for so long has waited for a replica that was silent: for the second in which no
connection comes about, or for the three that an answer may take (traefik/dynamic/pages.yaml)."""

AT_A_TIME = 64


@dataclass
class Knocks:
    """Requests that lead to one replica by its cookie for as long as the proxy thinks that it answers.

    They make no session. `answers` are when each began, on the monotonic clock, and its seconds.
    """

    stack: Stack
    cookies: dict[str, str]
    answers: list[tuple[float, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def knock(self) -> None:
        """Ask once."""
        began = time.monotonic()
        try:
            requests.head(self.stack.url, verify=str(self.stack.ca), cookies=self.cookies, timeout=20)
        except requests.RequestException as error:
            self.errors.append(repr(error))
        self.answers.append((began, time.monotonic() - began))

    def time_routed_around(self, since: float) -> float:
        """Give the seconds from a moment until the last request that was sent to a silent replica."""
        silent = [began - since for began, seconds in self.answers if seconds > UNANSWERED_SECONDS]
        assert any(since <= began for began, _ in self.answers), "nobody knocked"
        assert any(after > 0 for after in silent), "no request was sent to the replica while it was silent"
        return max(silent)


@contextmanager
def knocking(stack: Stack, replica: str) -> Iterator[Knocks]:
    """Knock at one replica ten times a second for as long as the context lasts."""
    page = eventually(lambda: (one := visit(stack)).replica == replica and one, 30, f"a page of {replica}")
    knocks, over = Knocks(stack, page.cookies), Event()

    def knock_on() -> None:
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            while not over.wait(EVERY_SECONDS):
                pool.submit(knocks.knock)

    thread = Thread(target=knock_on)
    thread.start()
    try:
        yield knocks
    finally:
        over.set()
        thread.join()
