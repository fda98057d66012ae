"""Hundreds of slow and stalled clients cost the others next to nothing."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from faults.ledger import Ledger
from faults.load import TESTS, Load
from faults.loiterers import KINDS, STALLED
from faults.others import LOADS, compare_p99
from probes import eventually, get
from stack import Stack

STUDY = "cigarette-sales"
EACH = 125
"""Clients of each of the four kinds."""


class Loitering:
    """A process of slow and stalled clients, and what it said last."""

    def __init__(self, stack: Stack, each: int) -> None:
        version = stack.published(STUDY)
        assert version
        path = f"/download/{STUDY}/{version['version']}/trace.nc"
        size = int(get(stack, path, stream=True).headers["Content-Length"])
        assert size > 1_000_000, "more than fits in the buffers on the way"
        command = [sys.executable, "-m", "faults.loiterers", "--url", stack.url, "--ca", str(stack.ca)]
        self._process = subprocess.Popen(
            [*command, "--download", path, "--each", str(each)],
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
