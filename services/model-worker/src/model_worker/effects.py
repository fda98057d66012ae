"""Unit and period effects as a linear space: projections on it, and what is left outside it.

The effects are an intercept, unit effects that sum to zero and period effects that sum to zero. In
orthonormal contrasts (Helmert's) their design `D` has one column for the intercept, units - 1 and
periods - 1. All that is needed of `D` is the spectrum of `D'D`, made from counts, so that no dense
matrix of all rows is ever built and unbalanced panels cost nothing extra.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class EffectSpace:
    """The space that unit and period effects span, in the eigenvectors of `D'D`.

    `eigenvalues` (rank,) are those of `D'D` that are not zero, `vectors` (1 + units - 1 + periods - 1,
    rank) their eigenvectors and `null` the others: directions the data say nothing of, which are there
    when the panel falls apart into groups of units and periods that share no row.
    """

    unit_index: Integers
    period_index: Integers
    unit_contrasts: Floats
    period_contrasts: Floats
    eigenvalues: Floats
    vectors: Floats
    null: Floats

    @property
    def rank(self) -> int:
        """The number of directions of the effects that the data tell apart."""
        return self.eigenvalues.size

    def project(self, values: Floats) -> Floats:
        """Give the coordinates (rank, ...) of values (rows, ...) in the orthonormal basis of the space."""
        units, periods = self.unit_contrasts.shape[0], self.period_contrasts.shape[0]
        columns = values.reshape(len(values), -1)
        summed = np.empty((1 + units - 1 + periods - 1, columns.shape[1]))
        for place, column in enumerate(columns.T):
            summed[0, place] = column.sum()
            by_unit = np.bincount(self.unit_index, column, units)
            by_period = np.bincount(self.period_index, column, periods)
            summed[1:units, place] = self.unit_contrasts.T @ by_unit
            summed[units:, place] = self.period_contrasts.T @ by_period
        coordinates = (self.vectors.T @ summed) / np.sqrt(self.eigenvalues)[:, None]
        return coordinates.reshape(self.rank, *values.shape[1:])

    def residual(self, values: Floats) -> Floats:
        """Give what is left of values (rows, ...) after the effects, as least squares takes them out."""
        left = values
        # The second pass removes the rounding that the normal equations leave on weakly linked panels.
        for _ in range(2):
            contrasts = self.vectors @ (self.project(left) / _column(np.sqrt(self.eigenvalues), left.ndim))
            intercept, unit, period = self.split(contrasts)
            left = left - (intercept + unit[self.unit_index] + period[self.period_index])
        return left

    def split(self, contrasts: Floats) -> tuple[Floats, Floats, Floats]:
        """Turn contrasts (columns of `D`, ...) into intercept (...), unit and period effects."""
        units = self.unit_contrasts.shape[0]
        return (
            contrasts[0],
            np.tensordot(self.unit_contrasts, contrasts[1:units], axes=1),
            np.tensordot(self.period_contrasts, contrasts[units:], axes=1),
        )


def _column(values: Floats, ndim: int) -> Floats:
    return values.reshape(-1, *([1] * (ndim - 1)))


def span_effects(unit_index: Integers, period_index: Integers) -> EffectSpace:
    """Build the effect space of a panel's rows.

    Parameters
    ----------
    unit_index, period_index
        Shape (rows,), every index from 0 to the largest there at least once.
    """
    units, periods = int(unit_index.max()) + 1, int(period_index.max()) + 1
    unit_contrasts = scipy.linalg.helmert(units).T
    period_contrasts = scipy.linalg.helmert(periods).T
    counts = np.zeros((units, periods))
    np.add.at(counts, (unit_index, period_index), 1.0)
    by_unit, by_period = counts.sum(axis=1), counts.sum(axis=0)
    dummies = np.block(
        [
            [np.atleast_2d(counts.sum()), by_unit[None, :], by_period[None, :]],
            [by_unit[:, None], np.diag(by_unit), counts],
            [by_period[:, None], counts.T, np.diag(by_period)],
        ]
    )
    basis = scipy.linalg.block_diag(np.ones((1, 1)), unit_contrasts, period_contrasts)
    eigenvalues, vectors = np.linalg.eigh(basis.T @ dummies @ basis)
    seen = eigenvalues > eigenvalues[-1] * 1e-12 * len(eigenvalues)
    return EffectSpace(
        unit_index=unit_index,
        period_index=period_index,
        unit_contrasts=unit_contrasts,
        period_contrasts=period_contrasts,
        eigenvalues=eigenvalues[seen],
        vectors=vectors[:, seen],
        null=vectors[:, ~seen],
    )
