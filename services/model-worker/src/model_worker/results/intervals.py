"""Narrowest intervals of draws, for many rows at once."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def median_and_interval(values: Floats, mass: float) -> Floats:
    """Return the median and ends (3, rows) of each row's narrowest interval with `mass` (rows, draws)."""
    ordered = np.sort(values, axis=1)
    count = values.shape[1]
    middle = (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2
    return np.stack([middle, *_narrowest(ordered, mass)])


def narrowest_interval(values: Floats, mass: float) -> tuple[Floats, Floats]:
    """Return both ends (rows,) of the narrowest interval that contains `mass` of each row's draws.

    The definition is that of ArviZ's unimodal `hdi`, vectorized over rows (rows, draws).
    """
    return _narrowest(np.sort(values, axis=1), mass)


def _narrowest(ordered: Floats, mass: float) -> tuple[Floats, Floats]:
    count = ordered.shape[1]
    inside = int(np.floor(mass * count))
    widths = ordered[:, inside:] - ordered[:, : count - inside]
    first = widths.argmin(axis=1)
    row = np.arange(len(ordered))
    return ordered[row, first], ordered[row, first + inside]
