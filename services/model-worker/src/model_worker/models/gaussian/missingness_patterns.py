"""Missingness patterns: groups of units observed in the same periods, which share matrix computations."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_worker.data.row_order import order_rows, step_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class MissingnessPattern:
    """Units observed in the same periods.

    Attributes
    ----------
    units : (units,)
        Indices into the panel's units.
    places : (rows,)
        Indices of the observed periods, ascending.
    lags : (rows - 1,)
        Time from each row to the next, in steps of the panel.
    flat : (rows, own)
        Orthonormal columns with unit-specific coefficients: a constant, and a linear trend where the model
        has one; none where unit effects are pooled.
    columns : (units, rows, columns)
        Standardized outcome, treatment and nuisance regressors.
    """

    units: Integers
    places: Integers
    lags: Floats
    flat: Floats
    columns: Floats


def sort_into_patterns(
    unit_index: Integers, period_index: Integers, periods: Integers, columns: Floats, own: int
) -> tuple[MissingnessPattern, ...]:
    """Return the missingness patterns of rows (rows,) with columns (rows, columns).

    Parameters
    ----------
    periods
        The panel's periods as numbers, ascending.
    own
        Number of flat columns of a unit: 0, 1 (constant) or 2 (constant and trend), limited to the unit's
        number of rows.
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
            MissingnessPattern(
                units=units[members].astype(np.int64),
                places=places,
                lags=np.diff(times),
                flat=_polynomials(times, min(own, size)),
                columns=columns[rows],
            )
        )
    return tuple(found)


def _polynomials(times: Floats, count: int) -> Floats:
    powers = (times - times.mean())[:, None] ** np.arange(count)
    basis, _ = np.linalg.qr(powers)
    return basis
