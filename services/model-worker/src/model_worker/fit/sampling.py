"""Draws from the posterior with nutpie: compiled once per shape, watched while they are made."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from threading import Event, Lock
from typing import Any

import numpy as np
import nutpie  # type: ignore[import-untyped]
import xarray as xr
from numpy.typing import NDArray
from pytensor.configdefaults import config

from model_worker.models.explicit.pymc_model import build_student_model
from model_worker.models.explicit.statistics import (
    SampledEffects,
    StudentShape,
    StudentStatistics,
    blank,
    kept_of,
)
from model_worker.models.gaussian.pymc_model import Shape, Statistics, build_model, rho_of

Floats = NDArray[np.float64]

SAMPLER = f"nutpie {nutpie.__version__} NUTS"
TARGET_ACCEPT = 0.9
LEVELLED_TARGET_ACCEPT = 0.98
"""Where levels and persistent errors explain the same differences, the density falls steeply as one of them
takes all: smaller steps there."""

_POLL_SECONDS = 0.1
_compiling = Lock()


class SamplingStopped(Exception):
    """The worker was told to stop while it sampled; the draws made so far are discarded."""


@dataclass(frozen=True)
class Draws:
    """Draws on the standardised scale.

    `parameters` has `slope` and `sigma`, and `rho`, `tau` and `nu` where the model has them, each (chain,
    draw); `sample_stats` the sampler's own statistics with the same dims; `effects` what a model whose
    effects cannot be integrated out has sampled of them.
    """

    parameters: dict[str, Floats]
    sample_stats: xr.Dataset
    effects: SampledEffects | None = None


def compile_model(shape: Shape | StudentShape) -> Any:
    """Compile the model of a shape; later calls return the same object."""
    with _compiling:
        return _compile(shape)


@cache
def _compile(shape: Shape | StudentShape) -> Any:
    if isinstance(shape, StudentShape):
        built, kept = build_student_model(blank(shape)), kept_of(shape)
    else:
        size = (4, 2 if shape.autoregressive else 1, 2 if shape.random else 1)
        built = build_model(Statistics(shape, np.ones(size), np.ones(8)))
        kept = ["sigma", "tau"] if shape.random else ["sigma"]
    # Starting values are computed once per chain: interpreting their graph is faster than compiling it.
    with config.change_flags(mode="FAST_COMPILE"), warnings.catch_warnings():
        # One loop or two makes no difference.
        warnings.filterwarnings("ignore", message="Loop fusion failed")
        return nutpie.compile_pymc_model(built, var_names=kept)


def sample(
    statistics: Statistics | StudentStatistics,
    *,
    chains: int,
    draws: int,
    tune: int,
    seed: int,
    progress: Callable[[int], None],
    stop: Event,
) -> Draws:
    """Sample the posterior of slope, noise, persistence and spread.

    Parameters
    ----------
    statistics
        The reduced data.
    chains, draws, tune
        Chains, and draws of each kept and discarded.
    seed
        The same seed gives the same draws, on however many processors.
    progress
        Called with the number of draws made, all chains and tuning together, while they are made.
    stop
        Ends the sampling when it is set.

    Raises
    ------
    SamplingStopped
        When `stop` was set.
    RuntimeError
        When no chain found a point to start from.
    """
    compiled = compile_model(statistics.shape)
    if isinstance(statistics, StudentStatistics):
        data = statistics.data
    else:
        data = {"coefficients": statistics.coefficients, "constants": statistics.constants}
    running = nutpie.sample(
        compiled.with_data(**data),
        chains=chains,
        draws=draws,
        tune=tune,
        seed=seed,
        target_accept=_target_accept(statistics.shape),
        save_warmup=False,
        blocking=False,
        progress_bar=False,
        progress_rate=100,
        progress_callback=lambda states: progress(sum(state.finished_draws for state in states)),
    )
    tree = _await(running, stop)
    posterior, sample_stats = tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()
    effects = None
    if isinstance(statistics, StudentStatistics):
        effects = SampledEffects.of(posterior, statistics)
        slope = data["centre"] + effects.flat[:, -1].reshape(chains, -1)
    else:
        centre, scale = statistics.constants[-2:]
        slope = centre + scale * posterior["whitened"].to_numpy()
    parameters = {"slope": slope, "sigma": posterior["sigma"].to_numpy()}
    if statistics.shape.autoregressive:
        parameters["rho"] = rho_of(posterior["persistence"].to_numpy())
    if statistics.shape.random:
        parameters["tau"] = posterior["tau"].to_numpy()
    if isinstance(statistics, StudentStatistics):
        parameters["nu"] = posterior["nu"].to_numpy()
    return Draws(parameters=parameters, sample_stats=_numeric(sample_stats), effects=effects)


def _target_accept(shape: Shape | StudentShape) -> float:
    levelled = isinstance(shape, Shape) and shape.levelled
    return LEVELLED_TARGET_ACCEPT if levelled else TARGET_ACCEPT


def _await(running: Any, stop: Event) -> xr.DataTree:
    # `is_finished` of nutpie 0.16 raises while the chains run; waiting for a moment tells the same.
    while not stop.is_set():
        try:
            tree: xr.DataTree = running.wait(timeout=_POLL_SECONDS)
        except TimeoutError:
            continue
        return tree
    running.cancel()
    raise SamplingStopped


def _numeric(sample_stats: xr.Dataset) -> xr.Dataset:
    kept = {
        str(name): (("chain", "draw"), values.to_numpy())
        for name, values in sample_stats.data_vars.items()
        if values.dims == ("chain", "draw") and values.dtype.kind in "biuf"
    }
    coords = {dim: np.arange(sample_stats.sizes[dim]) for dim in ("chain", "draw")}
    return xr.Dataset(kept, coords=coords)
