"""Coverage and calibration of the models on simulated panels in the shipped shapes, 51 x 5 and 51 x 50.

Coverage: of the 94 % highest density interval of beta, by data-generating process, beside least squares with
clustered standard errors. Calibration: ranks of true values among draws when parameters come from their
priors (Talts et al. 2018, arXiv:1804.06788), with the p-value of a chi-squared test of uniformity.

`--replications N` sets the panels of a cell, `--keep FILE` keeps each cell that is done there and takes those
it has from it, `--write FILE` writes the tables (docs/calibration.md).
"""

# runs in: model-worker

import argparse
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import numpy as np
from simulated.coverage import MASS, Found, cover, cover_by_clusters
from simulated.fits import DEFAULT, SIMPLE, VARIANTS
from simulated.heavy import HEAVY, PARAMETERS, rank_heavy_parameters
from simulated.processes import ASSUMED, PROCESSES, UNITS
from simulated.ranks import BINS, judge_uniform, rank_parameters

from model_worker.fit.sampling import compile_model

PERIODS = (5, 50)
CLUSTERED = "least squares, clustered errors"
COVERAGE = (DEFAULT, SIMPLE, CLUSTERED)
THREADS = 2
RANKED_LESS = 2
HEAVY_RANKED_LESS = 8
"""Ranks need fewer panels than coverage does, and there are more variants to rank; a fit with Student-t
innovations takes seconds."""


@dataclass
class Cells:
    """Results by the name of their cell, kept in a file so that a long run can go on where it ended."""

    replications: int
    file: Path | None
    results: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take what the file has."""
        if self.file is not None and self.file.exists():
            self.results = json.loads(self.file.read_text())
        self._started = monotonic()

    def find(self, name: str, compute: Callable[[], Iterable[float]]) -> list[float]:
        """Return a cell's figures, computed where they are missing."""
        key = f"{self.replications}/{name}"
        if key not in self.results:
            self.results[key] = [round(float(value), 5) for value in compute()]
            if self.file is not None:
                self.file.write_text(json.dumps(self.results))
        print(name, self.results[key], f"{monotonic() - self._started:.0f} s", flush=True)
        return self.results[key]


def find_coverage(pool: ThreadPoolExecutor, process: str, periods: int, name: str, count: int) -> list[float]:
    """Return the share of intervals that hold the slope, and their median width."""

    def once(seed: int) -> Found:
        if name == CLUSTERED:
            return cover_by_clusters(process, periods, seed)
        return cover(process, periods, VARIANTS[name], seed)

    found = list(pool.map(once, range(count)))
    return [float(np.mean([inside for inside, _ in found])), float(np.median([width for _, width in found]))]


def find_uniformity(pool: ThreadPoolExecutor, name: str, periods: int, count: int) -> dict[str, float]:
    """Return the p-value of each parameter's ranks."""

    def rank(seed: int) -> dict[str, int]:
        if name == HEAVY:
            return rank_heavy_parameters(periods, seed)
        return rank_parameters(VARIANTS[name], periods, seed)

    ranks = list(pool.map(rank, range(count)))
    return {parameter: judge_uniform([found[parameter] for found in ranks]) for parameter in ranks[0]}


def parameters_of(name: str) -> tuple[str, ...]:
    """List what a variant samples."""
    if name == HEAVY:
        return PARAMETERS
    variant = VARIANTS[name]
    return ("slope", "sigma", *["rho"] * variant.autoregressive, *["tau"] * (variant.random != "none"))


def main() -> None:
    """Print every cell as it is found; end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=400)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    for variant in VARIANTS.values():
        compile_model(variant.shape)
    cells, count = Cells(asked.replications, asked.keep), asked.replications
    coverage: dict[str, list[float]] = {}
    uniform: dict[str, float] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        for periods in PERIODS:
            for process in PROCESSES:
                for name in COVERAGE:
                    cell = f"{UNITS}x{periods}/{process}/{name}"
                    coverage[cell] = cells.find(
                        f"coverage/{cell}",
                        lambda p=process, t=periods, n=name: find_coverage(pool, p, t, n, count),
                    )
        for periods in PERIODS:
            for name in (*VARIANTS, HEAVY):
                cell, parameters = f"{UNITS}x{periods}/{name}", parameters_of(name)
                panels = count // (RANKED_LESS if name != HEAVY else HEAVY_RANKED_LESS)

                def ranked(
                    n: str = name, t: int = periods, wanted: tuple[str, ...] = parameters, c: int = panels
                ) -> list[float]:
                    found = find_uniformity(pool, n, t, c)
                    return [found[parameter] for parameter in wanted]

                values = cells.find(f"ranks/{cell}", ranked)
                uniform |= {f"{cell}/{p}": value for p, value in zip(parameters, values, strict=True)}
    if asked.write:
        asked.write.write_text(describe(count, coverage, uniform))
    shares = {cell: values[0] for cell, values in coverage.items()}
    print(json.dumps({"replications": count, "coverage": shares, "sbc_p": uniform}))


def describe(count: int, coverage: dict[str, list[float]], uniform: dict[str, float]) -> str:
    """Write docs/calibration.md."""
    error = 2 * np.sqrt(MASS * (1 - MASS) / count)
    lines = [f"| periods | data | {' | '.join(COVERAGE)} |", "|---|---|" + "---|" * len(COVERAGE)]
    for periods in PERIODS:
        for process in PROCESSES:
            found = [coverage[f"{UNITS}x{periods}/{process}/{name}"] for name in COVERAGE]
            texts = [f"{share:.3f} ({width:.3f})" for share, width in found]
            lines.append(f"| {periods} | {process} | {' | '.join(texts)} |")
    ranks = ["| periods | model | parameter | p of uniform ranks |", "|---|---|---|---|"]
    for cell, p_value in uniform.items():
        shape, name, parameter = cell.split("/")
        ranks.append(f"| {shape.split('x')[1]} | {name} | `{parameter}` | {p_value:.3f} |")
    shares = [coverage[f"{UNITS}x{t}/{process}/{DEFAULT}"][0] for t in PERIODS for process in ASSUMED]
    below = sum(p_value < 0.05 for p_value in uniform.values())
    smallest = min(uniform.values())
    return f"""# Calibration

Written by `make bench ARGS="calibration --write /docs/calibration.md"`, with {count} simulated panels of
{UNITS} units a cell.

## Coverage

How often the 94 % interval of `beta` holds the slope the data were made with, and in brackets its median
width. Two standard errors of a coverage near 0.94 are {error:.3f}. The last column is least squares with
standard errors clustered by unit.

{chr(10).join(lines)}

Where the default's assumptions hold (independent and AR(1) errors, heavy tails, units of different noise,
slopes that differ) it covers between {min(shares):.3f} and {max(shares):.3f}.
Independent errors and one slope for all cover only where they are true. Clustered errors cover nearly as
often as they say, at a multiple of the default's width where errors persist. An outcome that adjusts slowly
to the treatment defeats all three: the slope they find is not the long-run one.

## Simulation-based calibration

Parameters drawn from their priors, data from them: the rank of each among its posterior draws must be
uniform. {count // RANKED_LESS} panels a cell, {count // HEAVY_RANKED_LESS} for Student-t innovations; the
p-values are of a chi-squared test over {BINS} bins.
Of {len(uniform)} tests {below} are below 0.05, where {0.05 * len(uniform):.1f} are expected; the smallest
times the number of tests is {min(1.0, smallest * len(uniform)):.2f}.

{chr(10).join(ranks)}
"""


if __name__ == "__main__":
    main()
