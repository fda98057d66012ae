"""Unit and period effects as a linear space: its rank, and what is left of values outside it.

The normal equations of the effects are made from counts alone, and the effects of whichever there are
more of, units or periods, are eliminated from them (a Schur complement, as their block is diagonal). What
is left to decompose is as large as the fewer are: ten million rows of 200,000 units in 50 periods need a
matrix of 50 by 50, and unbalanced panels cost nothing extra.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.csgraph
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_VALUES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class EffectSpace:
    """The space that unit and period effects span.

    Attributes
    ----------
    unit_index, period_index : (rows,)
        As `span_effects` has them.
    units_are_many
        Whether the units are the many, those eliminated, and the periods the few.
    counts : (many, few)
        How many rows each cell has.
    many_rows : (many,)
        How many rows each of the many has.
    roots : (few, directions)
        With the effects of the many eliminated, a root of the pseudo-inverse of the normal equations of
        the few: ``roots @ roots.T``.
    null : (few, groups - 1)
        Directions the data say nothing of. They are there when the panel falls apart into groups of units
        and periods that share no row; how the groups compare is then not known.
    """

    unit_index: Integers
    period_index: Integers
    units_are_many: bool
    counts: scipy.sparse.csr_array
    many_rows: Floats
    roots: Floats
    null: Floats

    @property
    def rank(self) -> int:
        """The number of directions of the effects that the data tell apart."""
        return int(self.many_rows.size + self.roots.shape[1])

    def residual(self, values: Floats) -> Floats:
        """Give what is left of values (rows, ...) after the effects, as least squares takes them out."""
        left = np.empty(values.shape)
        of_rows, of_left = values.reshape(len(values), -1).T, left.reshape(len(values), -1).T
        for place, given in enumerate(of_rows):
            column = given.copy()
            # The second pass removes the rounding that the normal equations leave on weakly linked panels.
            for _ in range(2):
                many, few = self._solve(column)
                column -= many[self._many]
                column -= few[self._few]
            of_left[place] = column
        return left

    @property
    def _many(self) -> Integers:
        return self.unit_index if self.units_are_many else self.period_index

    @property
    def _few(self) -> Integers:
        return self.period_index if self.units_are_many else self.unit_index

    def _solve(self, values: Floats) -> tuple[Floats, Floats]:
        of_many = np.bincount(self._many, values, self.many_rows.size)
        of_few = np.bincount(self._few, values, self.roots.shape[0])
        few = self.roots @ (self.roots.T @ (of_few - self.counts.T @ (of_many / self.many_rows)))
        return (of_many - self.counts @ few) / self.many_rows, few


def span_effects(unit_index: Integers, period_index: Integers) -> EffectSpace:
    """Build the effect space of a panel's rows.

    Parameters
    ----------
    unit_index, period_index
        Shape (rows,), every index from 0 to the largest there at least once.
    """
    units_are_many = bool(unit_index.max() >= period_index.max())
    counts = _count(*(unit_index, period_index) if units_are_many else (period_index, unit_index))
    many_rows, few_rows = counts.sum(axis=1), counts.sum(axis=0)
    left = np.diag(few_rows) - sum_products(counts, many_rows)
    # Whether two of the few share one of the many is exact, as what is summed is never negative.
    groups, _ = scipy.sparse.csgraph.connected_components(np.where(np.eye(len(left)), 0, left))
    # Orthonormal contrasts leave out the direction that is never told: all of the few alike.
    contrasts = scipy.linalg.helmert(len(left)).T
    eigenvalues, vectors = np.linalg.eigh(contrasts.T @ left @ contrasts)
    directions = contrasts @ vectors
    untold = groups - 1
    return EffectSpace(
        unit_index=unit_index,
        period_index=period_index,
        units_are_many=units_are_many,
        counts=counts,
        many_rows=many_rows,
        roots=directions[:, untold:] / np.sqrt(eigenvalues[untold:]),
        null=directions[:, :untold],
    )


def _count(many_index: Integers, few_index: Integers) -> scipy.sparse.csr_array:
    many, few = int(many_index.max()) + 1, int(few_index.max()) + 1
    ones = np.ones(len(many_index))
    places = many_index.astype(np.int32), few_index.astype(np.int32)
    return scipy.sparse.coo_array((ones, places), shape=(many, few)).tocsr()


def sum_products(vectors: scipy.sparse.csr_array, weights: Floats) -> Floats:
    """Sum the outer products (few, few) of vectors (many, few), each divided by its weight (many,)."""
    many, few = vectors.shape
    products = np.zeros((few, few))
    at_once = max(1, _VALUES_AT_ONCE // few)
    for start in range(0, many, at_once):
        block = vectors[start : start + at_once].toarray()
        products += (block / weights[start : start + at_once, None]).T @ block
    return products
