"""How fast a fit is: against the naive model, by rows, in a warm worker and in a cold one.

`ess_ratio`: effective draws of beta per second of sampling, of the model with independent errors and one
slope, over the naive PyMC model of the same posterior (zero-sum effects with learned scales) under
`pm.sample` with PyMC's own sampler, its default where no other is installed; `ess_ratio_nutpie`: under its
default where nutpie is. `warm_fit_s`: a fit of the default model in a process that has fitted before, from
reading the files to the published version. `rows_ratio`: sampling seconds of the AR(1) model with one
slope at 10,000,000 rows over those at 1,000. `cold_s`: a new process, from its start to the first version.
`heavy`: seconds of compiling and of sampling the default model with Student-t innovations, and the effective
draws of beta a second.
"""

# runs in: model-worker

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
import pymc as pm
import xarray as xr
from arviz_stats.sampling_diagnostics import ess

from model_worker.attendant import Attendant
from model_worker.design import Design
from model_worker.inputs import StudyInput, read_input
from model_worker.likelihood import tabulate
from model_worker.model import Shape, Statistics
from model_worker.patterns import sort_into_patterns
from model_worker.sampling import Reduced, compile_model, reduce_design, sample
from model_worker.settings import Settings
from model_worker.system import System
from model_worker.writer import Writer
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

STUDIES = ("smoking-spending", "cigarette-sales")
PERIODS = 50


def draw(statistics: Reduced, seed: int) -> tuple[float, np.ndarray]:
    """Give the seconds of sampling, and the draws (chain, draw) of the slope."""
    started = monotonic()
    draws = sample(
        statistics, chains=4, draws=1000, tune=1000, seed=seed, progress=lambda _: None, stop=Event()
    )
    return monotonic() - started, draws.parameters["slope"]


def effective(slope: np.ndarray) -> float:
    """Give the effective draws of a slope (chain, draw)."""
    return float(ess(xr.Dataset({"slope": (("chain", "draw"), slope)}))["slope"])


def naive(design: Design, seed: int, sampler: str) -> float:
    """Sample the naive model; give effective draws a second of sampling."""
    space = design.space
    with pm.Model():
        unit = pm.ZeroSumNormal("unit", pm.HalfNormal("unit_scale", 10), shape=space.unit_contrasts.shape[0])
        period = pm.ZeroSumNormal(
            "period", pm.HalfNormal("period_scale", 10), shape=space.period_contrasts.shape[0]
        )
        slope = pm.Normal("slope", 0, 2.5)
        mean = pm.Normal("intercept", 0, 10) + unit[space.unit_index] + period[space.period_index]
        sigma = pm.HalfNormal("sigma", 2)
        pm.Normal("outcome", mean + slope * design.regressors[:, 0], sigma, observed=design.outcome)
        tree = pm.sample(random_seed=seed, progressbar=False, nuts_sampler=sampler)
    return effective(tree["posterior"]["slope"].to_numpy()) / float(tree["posterior"].attrs["sampling_time"])


def compare(studies: Path, repeats: int) -> dict[str, object]:
    """Give the effective draws a second of ours and of the naive model, and their ratios, by study."""
    result: dict[str, dict[str, float]] = {}
    for study in STUDIES:
        design = read_with(studies / study, 'errors = "independent"\nslopes = "common"').design
        reduced = reduce_design(design)
        draw(reduced, 0)
        timed = [draw(reduced, seed) for seed in range(repeats)]
        ours = stats.median(effective(slope) / spent for spent, slope in timed)
        result.setdefault("ess_per_s", {})[study] = round(ours)
        for sampler, suffix in (("pymc", ""), ("nutpie", "_nutpie")):
            theirs = stats.median(naive(design, seed, sampler) for seed in range(repeats))
            result.setdefault(f"naive_ess_per_s{suffix}", {})[study] = round(theirs, 1)
            result.setdefault(f"ess_ratio{suffix}", {})[study] = round(ours / theirs)
            print(study, sampler, "effective draws a second", round(ours), round(theirs, 1), flush=True)
    return dict(result)


def read_with(study: Path, model: str) -> StudyInput:
    """Read a copy of a study with another model."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory) / study.name
        shutil.copytree(study, folder)
        (folder / "study.toml").write_text(f"{(folder / 'study.toml').read_text()}\n[model]\n{model}\n")
        return read_input(folder, Settings(studies_dir=Path(directory)))


def time_heavy(studies: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Give the seconds that Student-t innovations take, and their effective draws, by study."""
    result = {}
    for study in STUDIES:
        statistics = reduce_design(read_with(studies / study, 'tails = "student"').design)
        started = monotonic()
        compile_model(statistics.shape)
        compiled = monotonic() - started
        timed = [draw(statistics, seed) for seed in range(repeats)]
        spent = stats.median(seconds for seconds, _ in timed)
        rate = stats.median(effective(slope) / seconds for seconds, slope in timed)
        result[study] = {
            "compile_s": round(compiled, 1),
            "sample_s": round(spent, 1),
            "ess_per_s": round(rate),
        }
        print(study, "Student-t", result[study], flush=True)
    return result


def warm(studies: Path, study: str, repeats: int) -> list[float]:
    """Give the seconds of fits of a study after one that compiled."""
    seconds = []
    with tempfile.TemporaryDirectory() as traces:
        for seed in range(repeats + 1):
            settings = Settings(studies_dir=studies, traces_dir=Path(traces), seed=seed)
            writer = Writer(Publisher(settings.traces_dir))
            attendant = Attendant(settings, TraceStore(settings.traces_dir), writer, Event())
            started = monotonic()
            attendant.attend(only=(study,))
            seconds.append(monotonic() - started)
            timing = TraceStore(settings.traces_dir).versions(study)
            print(study, f"{seconds[-1]:.2f} s", max(timing, key=lambda m: m.created_at).sampling.seconds)
    return seconds[1:]


def reduce_rows(rows: int) -> tuple[float, Statistics]:
    """Simulate a panel of so many rows in 50 periods; give the seconds of its reduction."""
    rng = np.random.default_rng(rows)
    units = rows // PERIODS
    unit, period = np.divmod(np.arange(units * PERIODS), PERIODS)
    treatment = rng.normal(size=unit.size)
    columns = np.column_stack([rng.normal(size=unit.size), treatment])
    started = monotonic()
    patterns = sort_into_patterns(unit, period, np.arange(PERIODS), columns, 1)
    likelihood = tabulate(System(patterns, PERIODS, units, "none"), autoregressive=True)
    facts = (likelihood.freedom, likelihood.informed, likelihood.root, 0.0, 1 / np.sqrt(rows))
    return monotonic() - started, Statistics(Shape(True, False), likelihood.coefficients, np.array(facts))


def cold(studies: Path) -> float:
    """Give the seconds of a new process that fits one study."""
    with tempfile.TemporaryDirectory() as traces:
        environment = os.environ | {"STUDIES_DIR": str(studies), "TRACES_DIR": traces}
        command = [sys.executable, "-m", "model_worker", "fit", STUDIES[0]]
        started = monotonic()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        return monotonic() - started


def main() -> None:
    """Print every figure as it is found; end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=Path, default=Path("/studies"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, default=10_000_000)
    asked = parser.parse_args()
    result: dict[str, object] = {"repeats": asked.repeats, "cold_s": round(cold(asked.studies), 1)}
    print(result, flush=True)
    seconds = {study: warm(asked.studies, study, asked.repeats) for study in STUDIES}
    result["warm_fit_s"] = {study: round(stats.median(found), 2) for study, found in seconds.items()}
    result |= compare(asked.studies, asked.repeats)
    result["heavy"] = time_heavy(asked.studies, asked.repeats)
    few, many = reduce_rows(1000)[1], reduce_rows(asked.rows)
    draw(few, 0)
    spent = [[draw(reduced, seed)[0] for seed in range(asked.repeats)] for reduced in (few, many[1])]
    result["rows_ratio"] = round(stats.median(spent[1]) / stats.median(spent[0]), 2)
    result |= {"rows": asked.rows, "reduce_rows_s": round(many[0], 1)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
