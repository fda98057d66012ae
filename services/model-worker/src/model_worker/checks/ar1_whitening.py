"""AR(1) whitening: conversion between the errors of a panel's rows and their independent innovations."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.data.row_order import neighbouring_rows

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PrecedingRows:
    """The preceding row of each row in its unit.

    Attributes
    ----------
    previous : (rows,)
        Index of the preceding row; a unit's first row has its own index.
    lag : (rows,)
        Distance to the preceding row in steps; 0 for a unit's first row.
    unit : (rows,)
        Index of the row's unit.
    step : (rows,)
        Number of steps from the panel's first period to the row's.
    """

    previous: Integers
    lag: Integers
    unit: Integers
    step: Integers

    @classmethod
    def of(cls, panel: Panel) -> Self:
        """Build the preceding rows of a panel."""
        periods = np.asarray(panel.periods, dtype=np.int64)
        neighbour, lag = neighbouring_rows(panel.unit_index, panel.period_index, periods)
        follows = panel.period_index[neighbour] < panel.period_index
        own = np.arange(len(follows))
        return cls(
            np.where(follows, neighbour, own),
            np.where(follows, lag, 0).astype(np.int64),
            panel.unit_index,
            (periods[panel.period_index] - periods[0]) // panel.step,
        )


@dataclass(frozen=True)
class Ar1Coefficients:
    """Coefficients of ``error = carried * preceding error + spread * innovation``.

    Both arrays are (rows, draws) or broadcast to that shape. `spread` is in units of the innovations'
    scale over one step. For a unit's first row, it is that of the stationary distribution.
    """

    carried: Floats
    spread: Floats

    @classmethod
    def of(cls, preceding: PrecedingRows, rho: Floats | None) -> Self:
        """Build the coefficients for each rho (draws,); None means independent errors."""
        if rho is None:
            return cls(np.zeros((1, 1)), np.ones((1, 1)))
        lags, place = np.unique(preceding.lag, return_inverse=True)
        carried = rho ** lags[:, None]
        stationary = (1 - rho) * (1 + rho)
        spread = np.sqrt(np.where(lags[:, None] == 1, 1.0, (1 - carried) * (1 + carried) / stationary))
        first = lags == 0
        carried[first], spread[first] = 0.0, 1 / np.sqrt(stationary)
        return cls(carried[place], spread[place])


def whiten_errors(errors: Floats, preceding: PrecedingRows, ar1: Ar1Coefficients, sigma: Floats) -> Floats:
    """Return the innovations (rows, draws) of errors (rows, draws), in units of their scale `sigma`."""
    left: Floats = errors - ar1.carried * errors[preceding.previous]
    return left / (ar1.spread * sigma)


def accumulate_errors(
    innovations: Floats, preceding: PrecedingRows, ar1: Ar1Coefficients, sigma: Floats
) -> Floats:
    """Return the errors (rows, draws) of innovations given in units of their scale `sigma`."""
    errors: Floats = ar1.spread * sigma * innovations
    if not ar1.carried.any():
        return errors
    order = np.lexsort((preceding.step, preceding.unit))
    first = np.flatnonzero(preceding.lag[order] == 0)
    place = np.arange(len(order)) - np.repeat(first, np.diff(np.r_[first, len(order)]))
    by_place = order[np.argsort(place, kind="stable")]
    ends = np.cumsum(np.bincount(place))
    for start, end in pairwise(ends):
        rows = by_place[start:end]
        errors[rows] += ar1.carried[rows] * errors[preceding.previous[rows]]
    return errors
