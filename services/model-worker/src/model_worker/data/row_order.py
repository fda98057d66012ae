"""Temporal order of a panel's rows: the panel's step, and the neighbor of each row in its unit."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_CELLS_PER_ROW = 4


def step_of(periods: Integers) -> int:
    """Return the panel's step: the greatest common divisor of the distances between its periods."""
    return int(np.gcd.reduce(np.diff(periods)))


def order_rows(unit_index: Integers, period_index: Integers) -> Integers:
    """Return the order (rows,) that sorts the rows by unit, and by period within units."""
    periods = int(period_index.max()) + 1
    keys = unit_index * periods + period_index
    if (keys[1:] > keys[:-1]).all():
        return np.arange(len(keys))
    cells = (int(unit_index.max()) + 1) * periods
    if cells > _CELLS_PER_ROW * len(keys):
        return np.argsort(keys, kind="stable")
    # A cell has one row, so grid positions sort the rows; on a full grid, this is faster than comparisons.
    rows = np.full(cells, -1, dtype=np.int64)
    rows[keys] = np.arange(len(keys))
    return rows[rows >= 0]


def neighbouring_rows(
    unit_index: Integers, period_index: Integers, periods: Integers
) -> tuple[Integers, Floats]:
    """Return for each row the previous row of its unit, or the next row for the unit's first.

    Returns
    -------
    rows : (rows,)
        Index of the neighbor; a unit's only row is its own neighbor.
    lags : (rows,)
        Distance to the neighbor in steps; 0 for a unit's only row.
    """
    order = order_rows(unit_index, period_index)
    units, times = unit_index[order], periods[period_index[order]]
    other = np.arange(len(order)) - 1
    first = np.r_[True, units[1:] != units[:-1]]
    last = np.r_[first[1:], True]
    other[first] = np.flatnonzero(first) + 1
    other[first & last] = np.flatnonzero(first & last)
    rows = np.empty_like(order)
    rows[order] = order[other]
    lags = np.empty(len(order))
    lags[order] = np.abs(times - times[other]) / step_of(periods)
    return rows, lags
