"""Hundreds of slow and stalled clients cost the others next to nothing."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from faults.forms import Form
from faults.ledger import Ledger
from faults.load import TESTS, Load, say_failures
from faults.loiterers import KINDS, STALLED
from probes import eventually, get
from stack import Stack

STUDY = "cigarette-sales"


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


def test_slow_and_stalled_clients_cost_others_little(load: Load, ledger: Ledger, form: Form) -> None:
    each = 125 if form.full else 10
    loads = 200 if form.full else 30
    with load.watch() as base:
        base.await_loads(loads)
    with loitering(load.stack, each) as clients:
        wanted = each * len(KINDS)
        eventually(lambda: clients.present >= 0.98 * wanted, 120, f"{wanted} slow clients")
        with load.watch() as window:
            window.await_loads(loads)
        held, said = clients.present, clients.said
    with ledger.account(f"{wanted} slow or stalled clients") as account:
        assert held >= 0.9 * wanted, said
        kinds = ", ".join(f"{said['present'].get(kind, 0)} {kind}" for kind in KINDS)
        kinds += f"; cut off {sum(said['cut'].values())} times"
        for what, words in (("load", "page loads"), ("answer", "answers to a widget")):
            before, meanwhile = base.quantile(what, 0.99), window.quantile(what, 0.99)
            account.add(
                f"others' p99 at most twice its base: {words}",
                f"{meanwhile:.3f} s, and {before:.3f} s before ({kinds})",
                meanwhile <= 2 * before,
            )
        account.add(
            "nobody else is turned away",
            f"{say_failures(window)} page loads failed, {len(window.lost)} websockets closed",
            not (window.failed or window.lost or window.wrong),
        )
