"""Unit effects, unit trends and period effects as a linear space: its rank, and what it leaves of values.

Level and trend of a unit are taken out of its own rows alone; the normal equations of the period effects
after that are as large as the periods are many, whatever the units.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from model_worker.design.effect_space import EffectSpace, sum_products

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SEEN = 1e-10
"""Directions of the period effects with less information than this share of the largest have none."""


@dataclass(frozen=True)
class TrendSpace:
    """The space that unit effects, linear unit trends and period effects span.

    Attributes
    ----------
    unit_index, period_index : (rows,)
        As `span_trends` has them.
    unit_rows : (units,)
        How many rows each unit has.
    time : (rows,)
        Each unit's time, with mean 0 and a sum of squares of 1 in the unit.
    roots : (periods, directions)
        A root of the pseudo-inverse of the periods' normal equations beside levels and trends:
        ``roots @ roots.T``.
    """

    unit_index: Integers
    period_index: Integers
    unit_rows: Integers
    time: Floats
    roots: Floats

    @property
    def rank(self) -> int:
        """The number of directions that the data tell apart."""
        return int(2 * self.unit_rows.size + self.roots.shape[1])

    def residual(self, values: Floats) -> Floats:
        """Give what effects and trends leave of values (rows, ...), as least squares takes them out."""
        left = np.empty(values.shape)
        of_rows, of_left = values.reshape(len(values), -1).T, left.reshape(len(values), -1).T
        for place, given in enumerate(of_rows):
            column = self._beside_lines(given)
            # The second pass removes the rounding that the normal equations leave on weakly linked panels.
            for _ in range(2):
                of_period = np.bincount(self.period_index, column, self.roots.shape[0])
                effects = self.roots @ (self.roots.T @ of_period)
                column = self._beside_lines(column - effects[self.period_index])
            of_left[place] = column
        return left

    def _beside_lines(self, values: Floats) -> Floats:
        levels = np.bincount(self.unit_index, values) / self.unit_rows
        slopes = np.bincount(self.unit_index, values * self.time)
        left: Floats = values - levels[self.unit_index] - slopes[self.unit_index] * self.time
        return left


Space = EffectSpace | TrendSpace


def span_trends(unit_index: Integers, period_index: Integers, periods: Integers) -> TrendSpace:
    """Build the space of a panel's rows.

    Parameters
    ----------
    unit_index, period_index
        Shape (rows,), every index from 0 to the largest there at least once; two rows in each unit at least.
    periods
        The panel's periods, as integers of the calendar.
    """
    unit_rows = np.bincount(unit_index)
    # Times from the panel's middle: a calendar's numbers are large beside the distances between them.
    time = (periods - periods.mean())[period_index]
    time -= (np.bincount(unit_index, time) / unit_rows)[unit_index]
    time /= np.sqrt(np.bincount(unit_index, time**2))[unit_index]
    left = np.diag(np.bincount(period_index).astype(np.float64))
    for values, weights in (
        (np.ones(len(time)), unit_rows.astype(np.float64)),
        (time, np.ones(len(unit_rows))),
    ):
        of_unit = scipy.sparse.coo_array((values, (unit_index, period_index)), (len(unit_rows), len(periods)))
        left -= sum_products(of_unit.tocsr(), weights)
    eigenvalues, vectors = np.linalg.eigh(left)
    seen = eigenvalues > eigenvalues[-1] * _SEEN
    return TrendSpace(
        unit_index, period_index, unit_rows, time, vectors[:, seen] / np.sqrt(eigenvalues[seen])
    )
