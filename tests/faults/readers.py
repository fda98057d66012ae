"""Readers of one study who look at its page and take its trace, over and over, and check that it is whole."""

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from probes import get
from stack import Stack


class Readers:
    """Pages and downloads of one study, one after the other, for as long as asked.

    Attributes
    ----------
    reads
        How many pages and downloads there were.
    versions
        All that were shown.
    wrong
        What was not as it should be: a page without a dashboard, a trace that is not its version's.
    """

    def __init__(self, stack: Stack, study: str) -> None:
        self._stack = stack
        self._study = study
        self._over = threading.Event()
        self.reads = 0
        self.versions: set[str] = set()
        self.wrong: list[str] = []

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read on another thread for as long as the context lasts."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            try:
                self._read()
            except (requests.RequestException, AssertionError) as error:
                self.wrong.append(repr(error)[:300])

    def _read(self) -> None:
        page = get(self._stack, f"/?study={self._study}")
        self.reads += 1
        shown = re.search(r'id="version"[^>]*>([0-9a-f]{12})<', page.text)
        assert page.status_code == 200, page.status_code
        assert shown, "the page shows no version"
        assert 'data-view="dashboard"' in page.text, "the page shows no dashboard"
        self.versions.add(shown[1])
        trace = get(self._stack, f"/download/{self._study}/{shown[1]}/trace.nc")
        self.reads += 1
        # Retention may have taken it since the page was made, which is told in words.
        if trace.status_code == 404 and "any more" in trace.text:
            return
        assert trace.status_code == 200, f"{trace.status_code}: {trace.text[:200]}"
        found = hashlib.sha256(trace.content).hexdigest()
        assert trace.headers["ETag"] == f'"{found}"', f"{shown[1]}: a trace with the hash {found}"
