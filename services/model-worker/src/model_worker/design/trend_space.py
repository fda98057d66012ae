"""Linear space of unit effects, unit trends and period effects: its rank, and residuals outside it.

The level and trend of a unit are eliminated from its own rows alone. The remaining normal equations of the
period effects have the size of the number of periods, for any number of units.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from model_worker.design.effect_space import EffectSpace, sum_products

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SEEN = 1e-10
"""Share of the largest eigenvalue below which a direction of the period effects has no information."""


@dataclass(frozen=True)
class TrendSpace:
    """Linear space spanned by unit effects, linear unit trends and period effects.

    Attributes
    ----------
    unit_index, period_index : (rows,)
        Indices passed to `span_trends`.
    unit_rows : (units,)
        Number of rows of each unit.
    time : (rows,)
        Time, with mean 0 and a sum of squares of 1 within each unit.
    roots : (periods, directions)
        Root of the pseudo-inverse, ``roots @ roots.T``, of the normal equations of the periods after levels
        and trends are eliminated.
    """

    unit_index: Integers
    period_index: Integers
    unit_rows: Integers
    time: Floats
    roots: Floats

    @property
    def rank(self) -> int:
        """Number of identified directions of effects and trends."""
        return int(2 * self.unit_rows.size + self.roots.shape[1])

    def residual(self, values: Floats) -> Floats:
        """Return the least-squares residuals of values (rows, ...) on effects and trends."""
        left = np.empty(values.shape)
        of_rows, of_left = values.reshape(len(values), -1).T, left.reshape(len(values), -1).T
        for place, given in enumerate(of_rows):
            column = self._beside_lines(given)
            # The second pass removes the rounding error of the normal equations on weakly linked panels.
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
    """Build the trend space of a panel's rows.

    Parameters
    ----------
    unit_index, period_index
        Shape (rows,). Every index from 0 to the maximum occurs at least once; a unit has at least two rows.
    periods
        The panel's periods, as calendar integers.
    """
    unit_rows = np.bincount(unit_index)
    # Times are centered because calendar numbers are large relative to their differences.
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
