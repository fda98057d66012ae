"""Input and output of the Student-t model's sampler."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.models.gaussian.conditional_gaussian import ConditionalGaussian, Effects

Floats = NDArray[np.float64]

BEFORE = ("period", "outcome", "treatment", "own", "nuisance")
"""Data that the model also needs for the previous row."""


@dataclass(frozen=True)
class StudentShape:
    """Parameters of a model and their numbers; one compiled model serves every panel of a shape.

    Attributes
    ----------
    autoregressive, random
        As in `model_worker.models.gaussian.pymc_model.Shape`.
    own
        Number of flat columns of each unit: 1, or 2 with trends.
    nuisance
        Number of regressors other than the treatment.
    units, directions
        Numbers of units, and of identified directions of period effects and nuisance regressors.
    """

    autoregressive: bool
    random: bool
    own: int
    nuisance: int
    units: int
    directions: int


@dataclass(frozen=True)
class StudentStatistics:
    """Data of a panel for the compiled model, by name."""

    shape: StudentShape
    data: dict[str, Any]


@dataclass(frozen=True)
class SampledEffects:
    """Draws of the standardized effects.

    `flat` is (draw, periods + nuisance + 1); its last column is the slope's distance from the center. `own`
    is (draw, own, units). `random` is (draw, units), or (draw, 0) without a random column.
    """

    flat: Floats
    own: Floats
    random: Floats

    @classmethod
    def of(cls, posterior: xr.Dataset, statistics: StudentStatistics) -> Self:
        """Build the effects from the sampler's draws, with chains concatenated."""
        names = ("directions", "own_effect", "random_effect")
        found = {name: posterior[name].to_numpy() for name in names if name in posterior}
        stacked = {name: values.reshape(-1, *values.shape[2:]) for name, values in found.items()}
        flat = statistics.data["origin"] + stacked["directions"] @ statistics.data["spread"].T
        return cls(flat, stacked["own_effect"], stacked.get("random_effect", np.zeros((len(flat), 0))))

    def sort(self, gaussian: ConditionalGaussian) -> Effects:
        """Return the effects in the form of `ConditionalGaussian.draw_effects`."""
        own = tuple(self.own[:, :, moment.pattern.units].transpose(0, 2, 1) for moment in gaussian.moments)
        return Effects(
            self.flat[:, : gaussian.periods], self.flat[:, gaussian.periods : -1], self.random, own
        )


def kept_of(shape: StudentShape) -> list[str]:
    """Return the names of the variables stored for each draw."""
    names = ["sigma", "nu", "directions", "own_effect"]
    names += ["persistence"] if shape.autoregressive else []
    return names + (["tau", "random_effect"] if shape.random else [])


def blank(shape: StudentShape) -> StudentStatistics:
    """Return placeholder statistics, with one row per unit, for compiling the model of a shape."""
    grid = np.ones((shape.units, 1))
    flat = shape.directions + 1
    data: dict[str, Any] = {
        "scalars": np.zeros(2 + shape.autoregressive + shape.random),
        "origin": np.zeros(flat),
        "spread": np.eye(flat),
        "centre": np.float64(0),
        "slope": np.float64(1),
        "rows": np.float64(shape.units),
        "weights": 0 * grid,
        "first": grid,
        "period": np.zeros(grid.shape, dtype=np.int64),
        "outcome": grid,
        "treatment": grid,
        "own": np.ones((shape.own, *grid.shape)),
    }
    # A compiled sampler accepts only data that its model uses.
    if shape.random:
        data["widest"] = np.float64(1)
    if shape.nuisance:
        data["nuisance"] = np.ones((*grid.shape, shape.nuisance))
    if shape.autoregressive:
        data |= {f"{name}_before": data[name] for name in BEFORE if name in data}
        data |= {"lags": np.ones(1), "counts": np.ones(2), "code": np.zeros(grid.shape, dtype=np.int64)}
    else:
        data["observed"] = grid
    return StudentStatistics(shape, data)
