"""A panel sorted into patterns: the units that were observed in the same periods, and their columns."""

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


def sort_into_patterns(
    unit_index: Integers, period_index: Integers, periods: Integers, columns: Floats, own: int
) -> tuple[MissingnessPattern, ...]:
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
