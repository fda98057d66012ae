"""Memory of the container that fits, through hundreds of fits of small studies no two of which are alike."""

import time
from pathlib import Path

import numpy as np
from docker.models.containers import Container
from visitors.sessions import resident_bytes

from stack import Stack

BATCH = 20
"""Studies written at a time, as somebody adds them while the worker runs."""

BATCH_SECONDS = 1800.0
STUDENT_EVERY = 30
"""One in so many studies has Student-t tails: its model is compiled anew for each number of units."""

SETTINGS = {"DRAWS": "100", "TUNE": "100"}
MODELS = (
    "",
    'errors = "independent"',
    'slopes = "unit"',
    'slopes = "common"\neffects = "pooled"',
    "lags = 1",
    "trends = true",
)
STUDY = """\
title = "Study {number}"
file = "data.csv"
unit = {{ column = "state", noun = "state" }}
period = {{ column = "year", noun = "year" }}
outcome = {{ column = "sales", label = "Sales", units = "packs", transform = "log" }}
treatment = {{ column = "tax", label = "Tax", units = "US$", transform = "log" }}
what_if.change = {{ kind = "percent", default = 1, min = -50, max = 100 }}

[model]
{model}
"""


def measure_worker_memory(stack: Stack, fits: int = 300) -> float:
    """Return the largest resident memory of the worker's container, in MiB, all its processes together.

    The worker is started anew, with few draws, and fits so many studies, written in batches.

    Raises
    ------
    RuntimeError
        A study could not be fitted, the container started anew, or a batch took too long.
    """
    stack.variables |= SETTINGS
    stack.compose("up", "--detach", "--wait", "--no-build", "--no-deps", "--force-recreate", "model-worker")
    [worker] = stack.containers("model-worker")
    largest, began = 0.0, time.monotonic()
    for first in range(0, fits, BATCH):
        last = min(first + BATCH, fits)
        for number in range(first, last):
            write_study(stack.studies, number)
        resident = _await_fits(worker, last)
        largest = max(largest, resident)
        print(
            f"{last} fits after {(time.monotonic() - began) / 60:.1f} minutes:"
            f" at most {resident:.0f} MiB in this batch, {largest:.0f} MiB in all",
            flush=True,
        )
    return largest


def write_study(studies: Path, number: int) -> None:
    """Write a study whose data, size and model are its number's own."""
    rng = np.random.default_rng(number)
    units, periods = 5 + number % 37, 6 + number % 11
    unit, period = rng.normal(size=units), rng.normal(size=periods)
    tax = np.exp(rng.normal(size=(units, periods)))
    noise = 0.1 * rng.standard_normal((units, periods))
    sales = np.exp(3 + unit[:, None] + period - 0.5 * np.log(tax) + noise)
    rows = ["state,year,sales,tax"]
    rows += [
        f"U{i},{2000 + t},{sales[i, t]:.6f},{tax[i, t]:.6f}" for i in range(units) for t in range(periods)
    ]
    student = number % STUDENT_EVERY == STUDENT_EVERY - 1
    model = 'tails = "student"' if student else MODELS[number % len(MODELS)]
    folder = studies / f"growth-{number:04d}"
    folder.mkdir()
    (folder / "data.csv").write_text("\n".join(rows) + "\n")
    # Last, so that the worker never reads half a study.
    (folder / "study.toml").write_text(STUDY.format(number=number, model=model))


def _await_fits(worker: Container, fits: int) -> float:
    """Wait until so many studies are fitted; return the most MiB meanwhile."""
    started, deadline, largest = worker.attrs["State"]["StartedAt"], time.monotonic() + BATCH_SECONDS, 0.0
    while time.monotonic() < deadline:
        largest = max(largest, resident_bytes(worker) / 2**20)
        phases = worker.exec_run(["sh", "-c", "grep -h '\"phase\"' /traces/growth-*/status.json"]).output
        worker.reload()
        if worker.attrs["State"]["StartedAt"] != started:
            raise RuntimeError(f"the worker's container started anew; it held {largest:.0f} MiB before")
        if b'"invalid"' in phases:
            raise RuntimeError("a study has faults; the worker's log names them")
        # With so few draws most fits do not pass the gate, which leaves their memory as it is.
        if phases.count(b'"published"') + phases.count(b'"failed"') == fits:
            return largest
        time.sleep(0.5)
    raise RuntimeError(f"{fits} fits were not done within {BATCH_SECONDS:g} s of the last batch")
