"""Linear space of unit and period effects: its rank, and residuals outside it.

The normal equations of the effects depend on counts alone. The more numerous of units and periods (the
"many") have a diagonal block, so a Schur complement eliminates them. The matrix to decompose then has the
size of the less numerous (the "few"): ten million rows of 200,000 units in 50 periods need a 50 by 50
matrix. Unbalanced panels cost nothing extra.
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
    """Linear space spanned by unit and period effects.

    Attributes
    ----------
    unit_index, period_index : (rows,)
        Indices passed to `span_effects`.
    units_are_many
        True if the units are the many (eliminated) and the periods the few.
    counts : (many, few)
        Number of rows in each cell.
    many_rows : (many,)
        Number of rows of each of the many.
    roots : (few, directions)
        Root of the pseudo-inverse, ``roots @ roots.T``, of the normal equations of the few after the many
        are eliminated.
    null : (few, groups - 1)
        Unidentified directions. They exist when the panel splits into groups of units and periods that
        share no row; differences between groups are then unknown.
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
        """Number of identified directions of the effects."""
        return int(self.many_rows.size + self.roots.shape[1])

    def residual(self, values: Floats) -> Floats:
        """Return the least-squares residuals of values (rows, ...) on the effects."""
        left = np.empty(values.shape)
        of_rows, of_left = values.reshape(len(values), -1).T, left.reshape(len(values), -1).T
        for place, given in enumerate(of_rows):
            column = given.copy()
            # The second pass removes the rounding error of the normal equations on weakly linked panels.
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
        Shape (rows,). Every index from 0 to the maximum occurs at least once.
    """
    units_are_many = bool(unit_index.max() >= period_index.max())
    counts = _count(*(unit_index, period_index) if units_are_many else (period_index, unit_index))
    many_rows, few_rows = counts.sum(axis=1), counts.sum(axis=0)
    left = np.diag(few_rows) - sum_products(counts, many_rows)
    # Connectivity is exact: the summed products are nonnegative, so no link cancels to zero.
    groups, _ = scipy.sparse.csgraph.connected_components(np.where(np.eye(len(left)), 0, left))
    # Orthonormal contrasts exclude the constant direction of the few, which is never identified.
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
    """Return the sum (few, few) of outer products of vectors (many, few), each over its weight (many,)."""
    many, few = vectors.shape
    products = np.zeros((few, few))
    at_once = max(1, _VALUES_AT_ONCE // few)
    for start in range(0, many, at_once):
        block = vectors[start : start + at_once].toarray()
        products += (block / weights[start : start + at_once, None]).T @ block
    return products
