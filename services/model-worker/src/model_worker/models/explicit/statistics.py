"""What the sampler of the Student-t model needs of a panel, and what it gives back."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.models.gaussian.conditional_gaussian import ConditionalGaussian, Effects

Floats = NDArray[np.float64]

BEFORE = ("period", "outcome", "treatment", "own", "nuisance")
"""The data that are also needed of the row before."""


@dataclass(frozen=True)
class StudentShape:
    """Which parameters a model has, and how many: one compiled model serves every panel of a shape.

    Attributes
    ----------
    autoregressive, random
        As in `model_worker.models.gaussian.pymc_model.Shape`.
    own
        Flat columns of each unit: 1, or 2 with trends.
    nuisance
        Regressors beside the treatment.
    units, directions
        How many units there are, and identified directions of period effects and nuisance regressors.
    """

    autoregressive: bool
    random: bool
    own: int
    nuisance: int
    units: int
    directions: int


@dataclass(frozen=True)
class StudentStatistics:
    """All that the compiled model needs to know of a panel: its data by name."""

    shape: StudentShape
    data: dict[str, Any]


@dataclass(frozen=True)
class SampledEffects:
    """Draws of the effects, standardised.

    `flat` (draw, periods + nuisance + 1), the last of them the slope's distance from the centre; `own`
    (draw, own, units), `random` (draw, units or none).
    """

    flat: Floats
    own: Floats
    random: Floats

    @classmethod
    def of(cls, posterior: xr.Dataset, statistics: StudentStatistics) -> Self:
        """Take them from the sampler's draws, chain after chain."""
        names = ("directions", "own_effect", "random_effect")
        found = {name: posterior[name].to_numpy() for name in names if name in posterior}
        stacked = {name: values.reshape(-1, *values.shape[2:]) for name, values in found.items()}
        flat = statistics.data["origin"] + stacked["directions"] @ statistics.data["spread"].T
        return cls(flat, stacked["own_effect"], stacked.get("random_effect", np.zeros((len(flat), 0))))

    def sort(self, gaussian: ConditionalGaussian) -> Effects:
        """Give them as they would have been drawn where they are integrated out."""
        own = tuple(self.own[:, :, moment.pattern.units].transpose(0, 2, 1) for moment in gaussian.moments)
        return Effects(
            self.flat[:, : gaussian.periods], self.flat[:, gaussian.periods : -1], self.random, own
        )


def kept_of(shape: StudentShape) -> list[str]:
    """Name what of the model's variables is kept of each draw."""
    names = ["sigma", "nu", "directions", "own_effect"]
    names += ["persistence"] if shape.autoregressive else []
    return names + (["tau", "random_effect"] if shape.random else [])


def blank(shape: StudentShape) -> StudentStatistics:
    """Give statistics of a panel of one row a unit, to compile the model of a shape with."""
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
    # A sampler knows only the data that its model makes use of.
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
