"""Processes that make an outcome from a treatment with the slope `SLOPE`: what the model says, and not."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Process = Callable[[np.random.Generator, Floats], Floats]

UNITS = 51
SLOPE = -0.3
"""Of every process; where units have slopes of their own it is the mean they are spread around."""


def autoregress(innovations: Floats, rho: float) -> Floats:
    """Return AR(1) series (units, periods) of unit innovations, started from the stationary distribution."""
    errors = innovations.copy()
    errors[:, 0] /= np.sqrt(1 - rho**2)
    for period in range(1, errors.shape[1]):
        errors[:, period] += rho * errors[:, period - 1]
    return errors


def simulate_treatment(rng: np.random.Generator, periods: int) -> Floats:
    """Return a treatment (units, periods) that moves as taxes do: a random walk, some of its steps large."""
    steps = rng.normal(0, 0.05, (UNITS, periods)) + (rng.random((UNITS, periods)) < 0.15) * rng.normal(
        0.3, 0.15, (UNITS, periods)
    )
    return steps.cumsum(axis=1) + rng.normal(0, 0.5, (UNITS, 1))


def _with_errors(errors: Callable[[np.random.Generator, tuple[int, int]], Floats]) -> Process:
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


PROCESSES: dict[str, Process] = {
    "independent": _with_errors(lambda rng, shape: rng.normal(size=shape)),
    "AR(1) 0.5": _with_errors(lambda rng, shape: autoregress(rng.normal(size=shape), 0.5)),
    "AR(1) 0.9": _with_errors(lambda rng, shape: autoregress(rng.normal(size=shape), 0.9)),
    "heavy tails (t with 3 df, AR(1) 0.5)": _with_errors(
        lambda rng, shape: autoregress(rng.standard_t(3, shape) / np.sqrt(3), 0.5)
    ),
    "heteroskedastic units (AR(1) 0.5)": _with_errors(
        lambda rng, shape: np.exp(rng.normal(0, 0.5, (UNITS, 1))) * autoregress(rng.normal(size=shape), 0.5)
    ),
    "AR(1) 0.9 plus noise": _with_errors(
        lambda rng, shape: autoregress(rng.normal(size=shape), 0.9) + rng.normal(size=shape)
    ),
    "slopes differ (AR(1) 0.5)": _own_slopes,
    "slow adjustment (long-run slope)": _slowly,
}

ASSUMED = tuple(name for name in PROCESSES if "plus noise" not in name and "slow" not in name)
"""The processes under which the default's interval is meant to hold the slope."""
