"""Sampling of the posterior with nutpie: one compilation per shape, with progress and cancellation."""

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
"""Higher target for levelled models, which need smaller steps: levels and persistent errors explain the same
differences, and the density falls steeply where one of them explains all."""

_POLL_SECONDS = 0.1
_compiling = Lock()


class SamplingStopped(Exception):
    """Interruption of sampling by a stop request; the draws so far are discarded."""


@dataclass(frozen=True)
class Draws:
    """Draws on the standardized scale.

    `parameters` contains `slope` and `sigma`, and `rho`, `tau` and `nu` where the model has them, each
    `(chain, draw)`. `sample_stats` contains the sampler's statistics with the same dims. `effects` contains
    the draws of effects that cannot be integrated out.
    """

    parameters: dict[str, Floats]
    sample_stats: xr.Dataset
    effects: SampledEffects | None = None


def compile_model(shape: Shape | StudentShape) -> Any:
    """Return the compiled model of a shape; later calls return the same object."""
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
    # Starting values are computed once per chain, so interpreting their graph is faster than compiling it.
    with config.change_flags(mode="FAST_COMPILE"), warnings.catch_warnings():
        # Failed loop fusion does not affect this model.
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
    """Return draws of the model's parameters from the posterior.

    Parameters
    ----------
    statistics
        Reduced data.
    chains, draws, tune
        Number of chains, and numbers of kept and of tuning draws per chain.
    seed
        Random seed. The draws for a seed do not depend on the number of processors.
    progress
        Callback during sampling; receives the number of draws so far over all chains, tuning included.
    stop
        Event that cancels sampling when set.

    Raises
    ------
    SamplingStopped
        When `stop` is set.
    RuntimeError
        When no chain finds a starting point.
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
    # `is_finished` of nutpie 0.16 raises while chains run; `wait` with a short timeout is equivalent.
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
