"""The narrowest interval of draws, for many rows at once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def median_and_interval(values: Floats, mass: float) -> Floats:
    """Give median and ends (3, rows) of the narrowest interval of each row (rows, draws) with the mass."""
    ordered = np.sort(values, axis=1)
    count = values.shape[1]
    middle = (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2
    return np.stack([middle, *_narrowest(ordered, mass)])


def narrowest_interval(values: Floats, mass: float) -> tuple[Floats, Floats]:
    """Give the ends of the narrowest interval of each row that holds the mass.

    The definition of ArviZ's `hdi` for unimodal distributions, for all rows (rows, draws) at once.
    """
    return _narrowest(np.sort(values, axis=1), mass)


def _narrowest(ordered: Floats, mass: float) -> tuple[Floats, Floats]:
    count = ordered.shape[1]
    inside = int(np.floor(mass * count))
    widths = ordered[:, inside:] - ordered[:, : count - inside]
    first = widths.argmin(axis=1)
    row = np.arange(len(ordered))
    return ordered[row, first], ordered[row, first + inside]
