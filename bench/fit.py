"""Speed of a fit: against peers on the same posterior, by rows and units, warm, cold, and from files.

`ess_ratio`: effective draws of beta a second of sampling, of ours with independent errors, one slope and
free effects, over the naive PyMC model (zero-sum effects with learned scales) under `pm.sample` with
PyMC's own sampler, its default where no other is installed. With `_pooled` ours has unit effects of a
learned scale too; `_nutpie` and `_numpyro` are the naive model under those. `exact_over_ours`: exact
draws of the slope a second over ours, the limit. `warm_fit_s`: a fit in a process that has fitted before,
from reading the files to the published version. `rows_ratio`: sampling seconds of the AR(1) model with one
slope at 10,000,000 rows over those at 1,000; `rows_per_unit_ratio`: with a slope for each unit, at ten times
the rows of each (10 and 100 periods); `units_ratio`: at ten times the units. `read_1e7_s` and
`read_1e7_gib`: reading 10,000,000 rows and reducing them to what the sampler needs. `cold_s`: from the
start of a container, where bench.sh could time one, else of a process, to the first version;
`cold_split_s` is that of a process. `options`: each option of `[model]`.
"""

# runs in: bench

import argparse
import json
import os
import shutil
import statistics as stats
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Event
from time import monotonic

import numpy as np
from parts.big_panel import STUDY, read_in_process, write_study
from parts.estimates import compare_estimates
from parts.naive import SAMPLERS, available, draw_exactly, effective, sample_naive

from model_worker.data.panel import Panel
from model_worker.design.regression import make_design
from model_worker.design.study_input import StudyInput, read_input
from model_worker.fit.reduction import Reduced, reduce_design
from model_worker.fit.sampling import compile_model, sample
from model_worker.models.gaussian.pymc_model import Statistics
from model_worker.service.reconciler import Reconciler
from model_worker.service.store_writer import StoreWriter
from model_worker.settings import Settings
from model_worker.study.definition import read_study
from tracestore.manifest import Manifest, Unit
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

STUDIES = ("smoking-spending", "cigarette-sales")
MODELS = {"ar1": "", "independent": 'errors = "independent"'}
OURS = {
    "": 'errors = "independent"\nslopes = "common"',
    "_pooled": 'errors = "independent"\nslopes = "common"\neffects = "pooled"',
}
OPTIONS = {
    "default": "",
    "independent errors": 'errors = "independent"',
    "common slope": 'slopes = "common"',
    "pooled effects": 'effects = "pooled"',
    "pooled effects, independent errors": 'errors = "independent"\neffects = "pooled"',
    "trends": "trends = true",
    "two lags": "lags = 2",
    "Student-t innovations": 'tails = "student"',
}
PERIODS = 50
FEW_PERIODS = 10
"""Reducing slopes of units takes time with the cube of the periods, sampling does not."""
UNITS = 51

Result = dict[str, object]


def say(name: str, found: object) -> None:
    """Print a figure as it is found."""
    print(f"{name}: {found}", flush=True)


def with_model(studies: Path, study: str, model: str, into: Path) -> Path:
    """Copy a study, with another model; give the directory of studies it is in."""
    shutil.copytree(studies / study, into / study)
    toml = into / study / "study.toml"
    toml.write_text(f"{toml.read_text()}\n[model]\n{model}\n")
    return into


def read_with(studies: Path, study: str, model: str) -> StudyInput:
    """Read a study with another model."""
    with tempfile.TemporaryDirectory() as directory:
        folder = with_model(studies, study, model, Path(directory)) / study
        return read_input(folder, Settings(studies_dir=folder.parent))


def draw(reduced: Reduced, seed: int) -> tuple[float, np.ndarray]:
    """Return the seconds of sampling, and the draws (chain, draw) of the slope."""
    started = monotonic()
    draws = sample(reduced, chains=4, draws=1000, tune=1000, seed=seed, progress=lambda _: None, stop=Event())
    return monotonic() - started, draws.parameters["slope"]


def compare_samplers(studies: Path, repeats: int) -> Result:
    """Return the effective draws a second of ours, of the naive model and of exact draws, and the ratios."""
    result: dict[str, dict[str, float]] = {}
    for study in STUDIES:
        ours = {}
        for suffix, model in OURS.items():
            reduced = reduce_design(read_with(studies, study, model).design)
            draw(reduced, 0)
            timed = [draw(reduced, seed) for seed in range(repeats)]
            ours[suffix] = stats.median(effective(slope) / spent for spent, slope in timed)
            result.setdefault(f"ess_per_s{suffix}", {})[study] = round(ours[suffix])
        given = read_with(studies, study, OURS[""])
        exact = [draw_exactly(given.design, seed) for seed in range(100)]
        limit = stats.median(effective(slope) / spent for spent, slope in exact)
        result.setdefault("exact_over_ours", {})[study] = round(limit / ours[""])
        for sampler, theirs in SAMPLERS.items():
            reason = available(sampler)
            if reason:
                say(study, f"naive model not run: {reason}")
                continue
            found = stats.median(
                sample_naive(given.design, given.panel, seed, sampler) for seed in range(repeats)
            )
            result.setdefault(f"naive_ess_per_s{theirs}", {})[study] = round(found, 1)
            for suffix, figure in ours.items():
                result.setdefault(f"ess_ratio{theirs}{suffix}", {})[study] = round(figure / found, 1)
            say(f"{study}, naive model under {sampler}", f"{found:.1f} effective draws a second")
    return dict(result)


def time_options(studies: Path, repeats: int) -> Result:
    """Return seconds of reducing, compiling and sampling each option, and effective draws a second."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for study in STUDIES:
        for name, model in OPTIONS.items():
            design = read_with(studies, study, model).design
            started = monotonic()
            reduced = reduce_design(design)
            seconds = {"reduce_s": monotonic() - started}
            started = monotonic()
            compile_model(reduced.shape)
            seconds["compile_s"] = monotonic() - started
            timed = [draw(reduced, seed) for seed in range(repeats)]
            seconds["sample_s"] = stats.median(spent for spent, _ in timed)
            seconds["ess_per_s"] = stats.median(effective(slope) / spent for spent, slope in timed)
            rounded = {key: round(value, 2) for key, value in seconds.items()}
            found.setdefault(study, {})[name] = rounded
            say(f"{study}, {name}", rounded)
    return {"options": found}


def time_warm(studies: Path, study: str, model: str, repeats: int) -> float:
    """Return the median seconds of fits of a study after one that compiled."""
    seconds = []
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as traces:
        folder = with_model(studies, study, model, Path(directory))
        for seed in range(repeats + 1):
            settings = Settings(studies_dir=folder, traces_dir=Path(traces), seed=seed)
            writer = StoreWriter(Publisher(settings.traces_dir))
            reconciler = Reconciler(settings, TraceStore(settings.traces_dir), writer, Event())
            started = monotonic()
            reconciler.reconcile(only=(study,))
            seconds.append(monotonic() - started)
            say(f"{study}, fit in {seconds[-1]:.2f} s", newest(Path(traces), study).sampling.seconds)
    return round(stats.median(seconds[1:]), 2)


def newest(traces: Path, study: str) -> Manifest:
    """Return the manifest of the version made last."""
    return max(TraceStore(traces).versions(study), key=lambda manifest: manifest.created_at)


def reduce_panel(units: int, periods: int, slopes: str) -> Statistics:
    """Simulate a balanced panel without a slope, and reduce it."""
    rng = np.random.default_rng([units, periods])
    unit, period = np.divmod(np.arange(units * periods), periods)
    panel = Panel(
        units=tuple(Unit(id=str(place), label=str(place)) for place in range(units)),
        periods=tuple(range(periods)),
        unit_index=unit,
        period_index=period,
        outcome=rng.normal(size=unit.size),
        treatment=rng.normal(size=unit.size),
        controls=np.empty((unit.size, 0)),
        control_names=(),
    )
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory) / "simulated"
        folder.mkdir()
        text = STUDY.format(file="data.csv").replace("log", "identity")
        (folder / "study.toml").write_text(text.replace('slopes = "common"', f'slopes = "{slopes}"'))
        study = read_study(folder)
    return reduce_design(make_design(study, panel))


def compare_sampling(name: str, few: Statistics, many: Statistics, repeats: int) -> Result:
    """Return the ratio of the median seconds of sampling, and both."""
    draw(few, 0)
    pairs = [[draw(reduced, seed)[0] for reduced in (few, many)] for seed in range(repeats)]
    seconds = [stats.median(column) for column in zip(*pairs, strict=True)]
    found: Result = {name: round(seconds[1] / seconds[0], 2), f"{name}_s": [round(s, 2) for s in seconds]}
    say(name, found)
    return found


def time_reading(rows: int, repeats: int) -> Result:
    """Return median seconds and peak memory of reading and reducing so many rows, by form."""
    result: dict[str, dict[str, object]] = {}
    for form in (".csv", ".parquet"):
        with tempfile.TemporaryDirectory() as directory:
            folder = write_study(Path(directory), rows, form)
            found = [read_in_process(folder, reduce=True) for _ in range(repeats)]
        say(f"reading {rows} rows of {form}", found)
        middle = sorted(found, key=lambda one: one["s"])[len(found) // 2]
        for key, value in {"s": middle["s"], "gib": max(one["gib"] for one in found)}.items():
            result.setdefault(f"read_1e7_{key}", {})[form[1:]] = round(value, 2)
    return dict(result)


def time_cold(studies: Path, repeats: int) -> tuple[float, dict[str, float]]:
    """Return the median seconds of a new process that fits one study, and the phases of that one."""
    found = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as traces:
            environment = os.environ | {"STUDIES_DIR": str(studies), "TRACES_DIR": traces}
            command = [sys.executable, "-m", "model_worker", "fit", STUDIES[0]]
            started = monotonic()
            subprocess.run(command, env=environment, check=True, capture_output=True)
            spent = monotonic() - started
            phases = dict(newest(Path(traces), STUDIES[0]).sampling.seconds)
        found.append((spent, {"start, read and end": round(spent - sum(phases.values()), 3)} | phases))
        say("cold", found[-1])
    return sorted(found, key=lambda one: one[0])[repeats // 2]


def main() -> None:
    """Print every figure as it is found; end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=Path, default=Path("/studies"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--container-seconds", type=float, nargs="*", default=[])
    asked = parser.parse_args()
    studies, repeats = asked.studies, asked.repeats
    process, split = time_cold(studies, repeats)
    containers = asked.container_seconds
    say("cold, from container start", containers or "not timed, as bench.sh does that")
    result: Result = {
        "repeats": repeats,
        "cold_s": round(stats.median(containers or [process]), 1),
        "cold_process_s": round(process, 1),
        "cold_split_s": split,
    }
    for name, model in MODELS.items():
        key = "warm_fit_s" if name == "ar1" else f"warm_{name}_fit_s"
        result[key] = {study: time_warm(studies, study, model, repeats) for study in STUDIES}
    result |= time_options(studies, repeats)
    result |= compare_samplers(studies, repeats)
    few = reduce_panel(1000 // PERIODS, PERIODS, "common")
    many = reduce_panel(asked.rows // PERIODS, PERIODS, "common")
    result |= compare_sampling("rows_ratio", few, many, repeats) | {"rows": asked.rows}
    few = reduce_panel(UNITS, FEW_PERIODS, "unit")
    for name, units, periods in (("rows_per_unit_ratio", 1, 10), ("units_ratio", 10, 1)):
        many = reduce_panel(units * UNITS, periods * FEW_PERIODS, "unit")
        result |= compare_sampling(name, few, many, repeats)
    result["least_squares"] = {
        study: compare_estimates(read_with(studies, study, OURS[""]), repeats) for study in STUDIES
    }
    say("least squares", result["least_squares"])
    result |= time_reading(asked.rows, repeats)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
