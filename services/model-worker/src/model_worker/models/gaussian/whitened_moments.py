"""Whitened moments: the Gram matrix of a panel under AR(1) errors, with own coefficients eliminated.

Errors of a unit follow ``u_t = rho**k u_s + e``, with `s` the previous row, `k` steps earlier, and start
from the stationary distribution. In units of the one-step innovation variance, the precision of a unit's
rows is ``L'L``, with `L` bidiagonal (Prais and Winsten 1954; with gaps: Wansbeek and Kapteyn 1985,
doi:10.2307/1913162). The unit's own flat columns `F` are eliminated as in restricted maximum likelihood
(Patterson and Thompson 1971, doi:10.1093/biomet/58.3.545)::

    Q = L'L - L'LF (F'L'LF)^-1 F'L'L

A further rank-one update eliminates a random column `z` of variance ``kappa**2``. All terms stay finite
and smooth as `rho` approaches 1; the limit is a differenced random walk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from model_worker.models.gaussian.missingness_patterns import MissingnessPattern

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_VALUES_AT_ONCE = 1_000_000
_PRODUCTS = 20_000_000


@dataclass(frozen=True)
class PatternMoments:
    """Moments of one missingness pattern; their size does not depend on the number of units.

    `sums` (rows, columns) and `products` (columns, columns, rows, rows) are sums over units. `products` is
    None if the array would be larger than the rows and the total over patterns too large; the products are
    then computed from the rows when needed.
    """

    pattern: MissingnessPattern
    sums: Floats
    products: Floats | None

    def weigh(self, inner: Floats) -> Floats:
        """Return the columns' products under each matrix (batch, rows, rows), summed over units."""
        batch, rows, width = len(inner), *self.sums.shape
        if self.products is not None:
            flat = self.products.reshape(width * width, -1)
            return (inner.reshape(batch, -1) @ flat.T).reshape(batch, width, width)
        side_by_side = self.pattern.columns.transpose(1, 0, 2).reshape(rows, -1)
        weighted = (inner @ side_by_side).reshape(batch, -1, width)
        found: Floats = weighted.transpose(0, 2, 1) @ side_by_side.reshape(-1, width)
        return found


@dataclass(frozen=True)
class WhitenedMoments:
    """Cross products under `Q`, for a batch of values of rho.

    The columns are, in order, one dummy per period, nuisance regressors, outcome and treatment.

    Attributes
    ----------
    products : (batch, columns, columns)
        Cross products of the columns, summed over units.
    loadings : (batch, columns, units)
        Cross products with each unit's random column; empty where the model has no random column.
    information : (batch, units)
        ``z'Qz`` of each unit's random column.
    log_determinant : (batch,)
        Sum over units of ``log |F'L'LF| - log |L'L|``.
    levels : (units, groups)
        Only if the random column is a constant: membership of each unit in the disconnected parts of the
        panel, divided by the root of the part's number of periods. The first columns of `products` are then
        the parts' constants, for which random levels and persistent errors leave almost no information.
    """

    products: Floats
    loadings: Floats
    information: Floats
    log_determinant: Floats
    levels: Floats | None = None


def sum_patterns(patterns: Sequence[MissingnessPattern]) -> tuple[PatternMoments, ...]:
    """Return the sums of columns and of their products over the units of each pattern."""
    sizes = [pattern.columns.shape[1] * pattern.columns.shape[2] for pattern in patterns]
    few = sum(size**2 for size in sizes) <= _PRODUCTS
    return tuple(
        _moments(pattern, products=few or len(pattern.units) >= size)
        for pattern, size in zip(patterns, sizes, strict=True)
    )


def _moments(pattern: MissingnessPattern, *, products: bool) -> PatternMoments:
    sums = pattern.columns.sum(axis=0)
    return PatternMoments(pattern, sums, _multiply(pattern) if products else None)


def _multiply(pattern: MissingnessPattern) -> Floats:
    count, rows, width = pattern.columns.shape
    products = np.zeros((width * rows, width * rows))
    at_once = max(1, _VALUES_AT_ONCE // (width * rows))
    for start in range(0, count, at_once):
        block = pattern.columns[start : start + at_once].transpose(0, 2, 1).reshape(-1, width * rows)
        products += block.T @ block
    products = products.reshape(width, rows, width, rows).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(products)


@dataclass(frozen=True)
class Whitening:
    """Bidiagonal factor `L` of a pattern's rows, for a batch of values of rho.

    `diagonal` is (batch, rows). `below` is (batch, rows - 1); its entry j belongs to row j + 1 of `L`.
    `log_precision` (batch,) is ``log |L'L|``.
    """

    diagonal: Floats
    below: Floats
    log_precision: Floats

    @classmethod
    def of(cls, rho: Floats, lags: Floats) -> Self:
        """Build the factor for rho (batch,) and the distances (rows - 1,) between rows."""
        carried = rho[:, None] ** lags
        # This form of (1 - rho**(2k)) / (1 - rho**2) keeps precision near rho = 1; lags must be integers.
        stationary = (1 - rho) * (1 + rho)
        spread = np.where(lags == 1, 1.0, (1 - carried) * (1 + carried) / stationary[:, None])
        scale = 1 / np.sqrt(spread)
        diagonal = np.concatenate([np.sqrt(stationary)[:, None], scale], axis=1)
        return cls(diagonal, -carried * scale, np.log(stationary) - np.log(spread).sum(axis=1))

    def whiten(self, columns: Floats) -> Floats:
        """Return ``L @ columns`` (batch, rows, columns) of columns (rows, columns)."""
        result = self.diagonal[:, :, None] * columns
        result[:, 1:] += self.below[:, :, None] * columns[:-1]
        return result

    def gather(self, rows: Floats) -> Floats:
        """Return ``rows @ L`` (batch, own, rows) of rows (batch, own, rows)."""
        result = rows * self.diagonal[:, None]
        result[:, :, :-1] += rows[:, :, 1:] * self.below[:, None]
        return result

    def precision(self) -> Floats:
        """Return ``L'L`` (batch, rows, rows)."""
        batch, rows = self.diagonal.shape
        result = np.zeros((batch, rows * rows))
        result[:, :: rows + 1] = self.diagonal**2
        result[:, : (rows - 1) * (rows + 1) : rows + 1] += self.below**2
        beside = self.below * self.diagonal[:, 1:]
        result[:, 1 :: rows + 1] = beside
        result[:, rows :: rows + 1] = beside
        return result.reshape(batch, rows, rows)


def own_coefficients(rho: Floats, pattern: MissingnessPattern) -> tuple[Floats, Floats]:
    """Return the conditional mean and the covariance root of a unit's flat coefficients.

    Returns
    -------
    weights : (batch, own, rows)
        Generalized least-squares weights of the rows of the unit's residuals.
    root : (batch, own, own)
        Root of the coefficients' covariance, ``root @ root.T``, in units of the innovation variance.
    """
    root = Whitening.of(rho, pattern.lags)
    basis, triangle = np.linalg.qr(root.whiten(pattern.flat))
    inverse = np.linalg.inv(triangle)
    return inverse @ root.gather(basis.transpose(0, 2, 1)), inverse


def _annihilate(rho: Floats, pattern: MissingnessPattern) -> tuple[Floats, Floats]:
    root = Whitening.of(rho, pattern.lags)
    basis, triangle = np.linalg.qr(root.whiten(pattern.flat))
    own = 2 * np.log(np.abs(np.diagonal(triangle, axis1=1, axis2=2))).sum(axis=1)
    left = root.precision()
    if pattern.flat.shape[1] == len(pattern.places):
        left[:] = 0
    else:
        taken = root.gather(basis.transpose(0, 2, 1))
        left -= taken.transpose(0, 2, 1) @ taken
    return left, own - root.log_precision


def _span(places: Integers) -> slice | Integers:
    # Consecutive places become a slice, because indexing with a slice is several times faster.
    first, last = int(places[0]), int(places[-1])
    consecutive = last - first == len(places) - 1 and bool((np.diff(places) == 1).all())
    return slice(first, last + 1) if consecutive else places


def _block(rows: Integers, columns: Integers) -> tuple[Any, ...]:
    # Index of a block in a batch of matrices.
    row, column = _span(rows), _span(columns)
    if isinstance(row, slice) or isinstance(column, slice):
        return slice(None), row, column
    return slice(None), row[:, None], column


def whiten_moments(
    moments: Sequence[PatternMoments], rho: Floats, periods: int, units: int, slopes: str
) -> WhitenedMoments:
    """Return the whitened moments for each value of rho (batch,).

    Parameters
    ----------
    periods, units
        Numbers of periods and units in the panel.
    slopes
        Random column of each unit: ``"none"``, its ``"treatment"`` or a ``"constant"``.
    """
    width = moments[0].sums.shape[1]
    total = periods + width
    batch = len(rho)
    columns = np.array([periods + width - 2, periods + width - 1, *range(periods, periods + width - 2)])
    products = np.zeros((batch, total, total))
    random = units if slopes != "none" else 0
    loadings = np.zeros((batch, total, random))
    information = np.zeros((batch, random))
    log_determinant = np.zeros(batch)
    for moment in moments:
        pattern = moment.pattern
        inner, own = _annihilate(rho, pattern)
        log_determinant += len(pattern.units) * own
        places = pattern.places
        products[_block(places, places)] += len(pattern.units) * inner
        crossed = inner @ moment.sums
        products[:, places[:, None], columns] += crossed
        products[:, columns[:, None], places] += crossed.transpose(0, 2, 1)
        products[:, columns[:, None], columns] += moment.weigh(inner)
        if slopes == "none":
            continue
        treatment = pattern.columns[:, :, 1].T
        random_column = treatment if slopes == "treatment" else np.ones_like(treatment)
        taken = inner @ random_column
        loadings[_block(places, pattern.units)] = taken
        for place, column in enumerate(columns):
            own_column = np.ascontiguousarray(pattern.columns[:, :, place].T)
            loadings[:, column, pattern.units] = np.einsum("bru,ru->bu", taken, own_column)
        information[:, pattern.units] = np.einsum("bru,ru->bu", taken, np.ascontiguousarray(random_column))
    return WhitenedMoments(products, loadings, information, log_determinant)


def repeat_moments(whitened_moments: WhitenedMoments, count: int) -> WhitenedMoments:
    """Return the moments at one value of rho, repeated `count` times."""
    return WhitenedMoments(
        np.broadcast_to(whitened_moments.products, (count, *whitened_moments.products.shape[1:])),
        np.broadcast_to(whitened_moments.loadings, (count, *whitened_moments.loadings.shape[1:])),
        np.broadcast_to(whitened_moments.information, (count, whitened_moments.information.shape[1])),
        np.broadcast_to(whitened_moments.log_determinant, count),
        whitened_moments.levels,
    )


def integrate_random(whitened_moments: WhitenedMoments, kappa: Floats) -> Floats:
    """Return the Gram matrix (batch, columns, columns) with the random columns integrated out."""
    if not whitened_moments.information.shape[1]:
        return whitened_moments.products
    left = 1 / (1 + kappa[:, None] ** 2 * whitened_moments.information)
    weights = kappa[:, None] ** 2 * left
    found: Floats = whitened_moments.products - (
        whitened_moments.loadings * weights[:, None, :]
    ) @ whitened_moments.loadings.transpose(0, 2, 1)
    if whitened_moments.levels is not None:
        # Equivalent form that avoids the difference of two large numbers.
        groups = whitened_moments.levels.shape[1]
        constants = (whitened_moments.loadings * left[:, None, :]) @ whitened_moments.levels
        found[:, :, :groups] = constants
        found[:, :groups, :] = constants.transpose(0, 2, 1)
    return found
