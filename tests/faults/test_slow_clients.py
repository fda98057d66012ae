"""Hundreds of slow and stalled clients cost the others next to nothing."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from faults.access import find_address, list_events
from faults.ledger import Ledger
from faults.load import TESTS, Load
from faults.loiterers import KINDS, STALLED
from faults.others import LOADS, compare_p99
from probes import eventually
from stack import Stack

STUDY = "cigarette-sales"
LET_GO_MS = 25_000
"""A replica lets a client go that takes nothing for 30 s; a download that ended later was not sent."""

EACH = 125
"""Clients of each of the four kinds."""


class Loitering:
    """A process of slow and stalled clients, and what it said last."""

    def __init__(self, stack: Stack, each: int) -> None:
        version = stack.published(STUDY)
        assert version
        self._stack, self._path = stack, f"/download/{STUDY}/{version['version']}/trace.nc"
        self._since = time.time()
        [proxy] = stack.containers("traefik")
        command = [sys.executable, "-m", "faults.loiterers", "--url", stack.url, "--ca", str(stack.ca)]
        command += ["--proxy", find_address(stack, proxy, "public")]
        self._process = subprocess.Popen(
            [*command, "--download", self._path, "--each", str(each)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(TESTS)},
        )
        self.said: dict[str, Any] = {"present": {}, "cut": {}}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def present(self) -> int:
        """How many are connected now, or have been and were cut off without noticing."""
        assert self._process.poll() is None, "the clients have ended"
        stalled = sum(self.said["cut"].get(kind, 0) for kind in STALLED)
        return sum(self.said["present"].values()) + stalled

    def count_sent(self) -> int:
        """Count the downloads that replicas have sent: what the buffers on the way hold stalls nobody."""
        replicas = self._stack.containers("bokeh")
        events = [event for replica in replicas for event in list_events(replica, self._since)]
        return sum(event.get("path") == self._path and event["ms"] < LET_GO_MS for event in events)

    def stop(self) -> None:
        """Let all of them go."""
        self._process.terminate()
        self._process.wait(30)
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said = json.loads(line)


@contextmanager
def loitering(stack: Stack, each: int) -> Iterator[Loitering]:
    """Have so many clients of each kind for as long as the context lasts."""
    clients = Loitering(stack, each)
    try:
        yield clients
    finally:
        clients.stop()


# A p99 needs many page loads before, meanwhile and after, which the short form has no time for.
@pytest.mark.full
def test_slow_and_stalled_clients_cost_others_little(load: Load, ledger: Ledger) -> None:
    with load.watch() as before:
        before.await_loads(LOADS)
    with loitering(load.stack, EACH) as clients:
        wanted = EACH * len(KINDS)
        eventually(lambda: clients.present >= 0.98 * wanted, 120, f"{wanted} slow clients")
        sent = clients.count_sent()
        assert sent <= 0.1 * EACH, f"{sent} of {EACH} downloads were sent as a whole, and stalled nobody"
        with load.watch() as window:
            window.await_loads(LOADS)
        held, said = clients.present, clients.said
    with load.watch() as after:
        after.await_loads(LOADS)
    with ledger.account(f"{wanted} slow or stalled clients") as account:
        assert held >= 0.9 * wanted, said
        kinds = ", ".join(f"{said['present'].get(kind, 0)} {kind}" for kind in KINDS)
        kinds += f"; cut off {sum(said['cut'].values())} times"
        compare_p99(account, before, window, after, f" ({kinds})")
