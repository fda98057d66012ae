"""Coverage and calibration of the models on simulated panels in the shipped shapes.

Coverage: of the 94 % highest density interval of beta, by data-generating process. Calibration: ranks
of true values among draws when parameters come from their priors (Talts et al. 2018, arXiv:1804.06788),
with the p-value of a chi-squared test of uniformity. The slope of every process is the mean of the
distribution that units' slopes come from.

`--write` puts the table into docs/calibration.md, `--replications N` sets the panels a cell.
"""

# runs in: model-worker

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from model_worker.band import narrowest_interval
from model_worker.likelihood import LOWEST_RHO, tabulate
from model_worker.model import NOISE_SCALE, SLOPE_SCALE, SPREAD_SCALE, Shape, Statistics
from model_worker.patterns import sort_into_patterns
from model_worker.sampling import compile_model, sample
from model_worker.system import Random, System

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, Floats], Floats]

UNITS = 51
MASS = 0.94
SLOPE = -0.3
CHAINS, DRAWS, TUNE = 2, 500, 400
BINS = 20
THREADS = 2


@dataclass(frozen=True)
class Variant:
    """A model: its errors, and whether units have slopes of their own."""

    autoregressive: bool
    random: Random


VARIANTS = {
    "default (AR(1), unit slopes)": Variant(True, "treatment"),
    "AR(1), common slope": Variant(True, "none"),
    "independent, common slope": Variant(False, "none"),
    "independent, unit slopes": Variant(False, "treatment"),
}

COVERAGE = ("default (AR(1), unit slopes)", "independent, common slope")
"""The variants whose coverage is told: the default, and what most would fit."""


def autoregress(innovations: Floats, rho: float) -> Floats:
    """Give AR(1) series (units, periods) of unit innovations, started from the stationary distribution."""
    errors = innovations.copy()
    errors[:, 0] /= np.sqrt(1 - rho**2)
    for period in range(1, errors.shape[1]):
        errors[:, period] += rho * errors[:, period - 1]
    return errors


def simulate_treatment(rng: np.random.Generator, periods: int) -> Floats:
    """Give a treatment that moves as taxes do: a random walk of steps, some of them large."""
    steps = rng.normal(0, 0.05, (UNITS, periods)) + (rng.random((UNITS, periods)) < 0.15) * rng.normal(
        0.3, 0.15, (UNITS, periods)
    )
    return steps.cumsum(axis=1) + rng.normal(0, 0.5, (UNITS, 1))


def _outcome(errors: Callable[[np.random.Generator, tuple[int, int]], Floats]) -> Draw:
    def draw(rng: np.random.Generator, treatment: Floats) -> Floats:
        return SLOPE * treatment + 0.1 * errors(rng, (UNITS, treatment.shape[1]))

    return draw


def _slowly(rng: np.random.Generator, treatment: Floats) -> Floats:
    outcome = np.empty_like(treatment)
    outcome[:, 0] = SLOPE * treatment[:, 0]
    noise = 0.1 * rng.normal(size=treatment.shape)
    for period in range(1, treatment.shape[1]):
        outcome[:, period] = 0.8 * outcome[:, period - 1] + 0.2 * SLOPE * treatment[:, period]
        outcome[:, period] += noise[:, period]
    return outcome


def _own_slopes(rng: np.random.Generator, treatment: Floats) -> Floats:
    slopes = rng.normal(SLOPE, 0.15, (UNITS, 1))
    return slopes * treatment + 0.1 * autoregress(rng.normal(size=treatment.shape), 0.5)


PROCESSES: dict[str, Draw] = {
    "independent": _outcome(lambda rng, shape: rng.normal(size=shape)),
    "AR(1) 0.5": _outcome(lambda rng, shape: autoregress(rng.normal(size=shape), 0.5)),
    "AR(1) 0.9": _outcome(lambda rng, shape: autoregress(rng.normal(size=shape), 0.9)),
    "heavy tails (t with 3 df, AR(1) 0.5)": _outcome(
        lambda rng, shape: autoregress(rng.standard_t(3, shape) / np.sqrt(3), 0.5)
    ),
    "heteroskedastic units (AR(1) 0.5)": _outcome(
        lambda rng, shape: np.exp(rng.normal(0, 0.5, (UNITS, 1))) * autoregress(rng.normal(size=shape), 0.5)
    ),
    "AR(1) 0.9 plus noise": _outcome(
        lambda rng, shape: autoregress(rng.normal(size=shape), 0.9) + rng.normal(size=shape)
    ),
    "slopes differ (AR(1) 0.5)": _own_slopes,
    "slow adjustment (long-run slope)": _slowly,
}


def reduce(outcome: Floats, treatment: Floats, variant: Variant) -> tuple[Statistics, float]:
    """Reduce a balanced panel as a study is; the second is the slope of a standardised unit."""

    def left(values: Floats) -> Floats:
        return values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()

    periods = outcome.shape[1]
    rows = outcome.size - UNITS - periods + 1
    y, x = left(outcome), left(treatment)
    y_scale, x_scale = np.sqrt((y**2).sum() / rows), np.sqrt((x**2).sum() / rows)
    statistics = _statistics(
        outcome / y_scale, treatment / x_scale, variant, (x * y).sum() / (x**2).sum() * x_scale / y_scale
    )
    return statistics, y_scale / x_scale


def _statistics(outcome: Floats, treatment: Floats, variant: Variant, centre: float) -> Statistics:
    periods = outcome.shape[1]
    unit, period = (index.ravel() for index in np.indices(outcome.shape))
    columns = np.column_stack([(outcome - centre * treatment).ravel(), treatment.ravel()])
    patterns = sort_into_patterns(unit, period, np.arange(periods), columns, 1)
    system = System(patterns, periods, len(outcome), variant.random)
    likelihood = tabulate(system, autoregressive=variant.autoregressive)
    profile = system.profile(np.zeros(1), np.zeros(1))
    error = float(np.sqrt(profile.yy / profile.xx / likelihood.freedom).item())
    constants = np.array([likelihood.freedom, likelihood.informed, likelihood.root, centre, error])
    return Statistics(
        Shape(variant.autoregressive, variant.random != "none"), likelihood.coefficients, constants
    )


def draw_parameters(statistics: Statistics, seed: int) -> dict[str, Floats]:
    """Sample a reduced panel; parameters on the standardised scale, one row of draws each."""
    draws = sample(
        statistics, chains=CHAINS, draws=DRAWS, tune=TUNE, seed=seed, progress=lambda _: None, stop=Event()
    )
    return {name: values.reshape(-1) for name, values in draws.parameters.items()}


def covers(process: str, periods: int, variant: Variant, seed: int) -> tuple[bool, float]:
    """Say whether the interval of one simulated panel holds the slope, and how wide it is."""
    rng = np.random.default_rng([seed, periods, list(PROCESSES).index(process)])
    treatment = simulate_treatment(rng, periods)
    outcome = PROCESSES[process](rng, treatment)
    statistics, unit = reduce(outcome, treatment, variant)
    beta = draw_parameters(statistics, seed)["slope"] * unit
    lower, upper = (ends.item() for ends in narrowest_interval(beta[None], MASS))
    return lower <= SLOPE <= upper, upper - lower


def rank_parameters(variant: Variant, periods: int, seed: int) -> dict[str, int]:
    """Draw parameters from their priors, data from them, and rank each among thinned posterior draws.

    Effects have flat priors, from which nothing can be drawn; the posterior of the other parameters does
    not depend on them, so that they are zero here.
    """
    rng = np.random.default_rng([seed, periods, 99])
    truth = {"slope": rng.normal(0, SLOPE_SCALE), "sigma": abs(rng.normal(0, NOISE_SCALE))}
    rho = rng.uniform(LOWEST_RHO, 1) if variant.autoregressive else 0.0
    tau = abs(rng.normal(0, SPREAD_SCALE)) if variant.random != "none" else 0.0
    treatment = simulate_treatment(rng, periods)
    treatment /= np.std(treatment - treatment.mean(axis=1, keepdims=True))
    slopes = truth["slope"] + tau * rng.normal(size=(UNITS, 1))
    outcome = slopes * treatment + truth["sigma"] * autoregress(rng.normal(size=treatment.shape), rho)
    x = treatment - treatment.mean(axis=0) - treatment.mean(axis=1, keepdims=True) + treatment.mean()
    statistics = _statistics(outcome, treatment, variant, float((x * outcome).sum() / (x**2).sum()))
    draws = draw_parameters(statistics, seed)
    truth |= {"rho": rho} if "rho" in draws else {}
    truth |= {"tau": tau} if "tau" in draws else {}
    thin = slice(None, None, CHAINS * DRAWS // (BINS * 10 - 1))
    return {name: int((draws[name][thin][: BINS * 10 - 1] < value).sum()) for name, value in truth.items()}


def main() -> None:
    """Print the tables; end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=400)
    parser.add_argument("--write", type=Path, help="the file to write the tables to")
    asked = parser.parse_args()
    for variant in VARIANTS.values():
        compile_model(Shape(variant.autoregressive, variant.random != "none"))
    started, lines, cells = monotonic(), [], {}
    with ThreadPoolExecutor(THREADS) as pool:
        lines += [f"| periods | data | {' | '.join(COVERAGE)} |", "|---|---|" + "---|" * len(COVERAGE)]
        for periods in (5, 50):
            for process in PROCESSES:
                texts = []
                for name in COVERAGE:
                    variant = VARIANTS[name]
                    seeds = range(asked.replications)
                    found = list(
                        pool.map(lambda seed, v=variant, p=process, t=periods: covers(p, t, v, seed), seeds)
                    )
                    covered = float(np.mean([inside for inside, _ in found]))
                    cells[f"51x{periods}/{process}/{name}"] = round(covered, 4)
                    texts.append(f"{covered:.3f} ({np.median([width for _, width in found]):.3f})")
                lines.append(f"| {periods} | {process} | {' | '.join(texts)} |")
                print(lines[-1], f"{monotonic() - started:.0f} s", flush=True)
        ranks_lines = ["| periods | model | parameter | p of uniform ranks |", "|---|---|---|---|"]
        uniform = {}
        for periods in (5, 50):
            for name, variant in VARIANTS.items():
                ranks = list(
                    pool.map(
                        lambda seed, v=variant, t=periods: rank_parameters(v, t, seed),
                        range(asked.replications),
                    )
                )
                for parameter in ranks[0]:
                    counts, _ = np.histogram([rank[parameter] for rank in ranks], BINS, (0, BINS * 10))
                    p_value = float(scipy.stats.chisquare(counts).pvalue)
                    uniform[f"51x{periods}/{name}/{parameter}"] = round(p_value, 4)
                    ranks_lines.append(f"| {periods} | {name} | `{parameter}` | {p_value:.3f} |")
                    print(ranks_lines[-1], f"{monotonic() - started:.0f} s", flush=True)
    if asked.write:
        asked.write.write_text(describe(asked.replications, lines, ranks_lines))
    print(json.dumps({"replications": asked.replications, "coverage": cells, "sbc_p": uniform}))


def describe(replications: int, coverage: list[str], ranks: list[str]) -> str:
    """Give docs/calibration.md."""
    error = 2 * np.sqrt(MASS * (1 - MASS) / replications)
    return f"""# Calibration

Written by `bench/calibration.py --write`, with {replications} simulated panels of {UNITS} units a cell.

## Coverage

How often the 94 % highest density interval of `beta` holds the slope the data were made with, and in
brackets its median width. Two standard errors of a coverage near 0.94 are {error:.3f}.

{chr(10).join(coverage)}

The default covers where its assumptions hold nearly enough: errors that persist, heavy tails, units of
different noise, slopes that differ; where errors are independent it is wider than it need be. Independent
errors and one slope for all cover only where they are true. An outcome that adjusts slowly to the treatment
defeats both.

## Simulation-based calibration

Parameters drawn from their priors, data from them: the rank of each among its posterior draws must be
uniform. The p-values are of a chi-squared test over {BINS} bins; of {len(ranks) - 2} tests,
{(len(ranks) - 2) * 0.05:.1f} are expected below 0.05.

{chr(10).join(ranks)}
"""


if __name__ == "__main__":
    main()
