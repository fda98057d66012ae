"""A panel sorted into patterns: the units that were observed in the same periods, and their columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_CELLS_PER_ROW = 4


@dataclass(frozen=True)
class Pattern:
    """Units observed in the same periods.

    Attributes
    ----------
    units : (units,)
        Their places among the panel's units.
    places : (rows,)
        The places of their periods among the panel's periods, ascending.
    lags : (rows - 1,)
        Time from each row to the next, in steps of the panel.
    flat : (rows, own)
        Columns whose coefficients each unit has to itself, orthonormal: a constant, and a linear trend
        where the model has one; none where the unit effects are pooled.
    columns : (units, rows, columns)
        Outcome, treatment and nuisance regressors, standardised.
    """

    units: Integers
    places: Integers
    lags: Floats
    flat: Floats
    columns: Floats


def step_of(periods: Integers) -> int:
    """Give the panel's step: the greatest common divisor of the distances between its periods."""
    return int(np.gcd.reduce(np.diff(periods)))


def sort_into_patterns(
    unit_index: Integers, period_index: Integers, periods: Integers, columns: Floats, own: int
) -> tuple[Pattern, ...]:
    """Sort rows (rows,) with their columns (rows, columns) into patterns.

    Parameters
    ----------
    periods
        The panel's periods, ascending, as integers of the calendar.
    own
        How many flat columns a unit has: 0, 1 (constant) or 2 (constant and trend). A unit with fewer
        rows than that has as many as rows.
    """
    order = order_rows(unit_index, period_index)
    sizes = np.bincount(unit_index)
    units = np.flatnonzero(sizes)
    sizes = sizes[units]
    ends = np.cumsum(sizes)
    first = ends - sizes
    seen: dict[bytes, list[int]] = {}
    sorted_places = period_index[order]
    for member, (start, end) in enumerate(zip(first.tolist(), ends.tolist(), strict=True)):
        seen.setdefault(sorted_places[start:end].tobytes(), []).append(member)
    found = []
    for members in seen.values():
        start, size = first[members], int(sizes[members[0]])
        rows = order[start[:, None] + np.arange(size)]
        places = period_index[rows[0]]
        times = periods[places] / step_of(periods)
        found.append(
            Pattern(
                units=units[members].astype(np.int64),
                places=places,
                lags=np.diff(times),
                flat=_polynomials(times, min(own, size)),
                columns=columns[rows],
            )
        )
    return tuple(found)


def order_rows(unit_index: Integers, period_index: Integers) -> Integers:
    """Give the order (rows,) that sorts the rows by unit, and by period within units."""
    periods = int(period_index.max()) + 1
    keys = unit_index * periods + period_index
    if (keys[1:] > keys[:-1]).all():
        return np.arange(len(keys))
    cells = (int(unit_index.max()) + 1) * periods
    if cells > _CELLS_PER_ROW * len(keys):
        return np.argsort(keys, kind="stable")
    # A cell has one row, so that its place in the grid sorts it: faster than comparing, where it is full.
    rows = np.full(cells, -1, dtype=np.int64)
    rows[keys] = np.arange(len(keys))
    return rows[rows >= 0]


def _polynomials(times: Floats, count: int) -> Floats:
    powers = (times - times.mean())[:, None] ** np.arange(count)
    basis, _ = np.linalg.qr(powers)
    return basis


def neighbouring_rows(
    unit_index: Integers, period_index: Integers, periods: Integers
) -> tuple[Integers, Floats]:
    """Find for each row the row before it in its unit, or after it for the unit's first.

    Returns
    -------
    rows : (rows,)
        The neighbour; a unit's only row is its own.
    lags : (rows,)
        Its distance in steps; 0 for a unit's only row.
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
