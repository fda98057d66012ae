"""Quantile dotplots: a posterior as a number of equally likely outcomes, which readers can count.

Kay, Kola, Hullman and Munson (2016, doi:10.1145/2858036.2858558) found that readers without statistics
judge probabilities best from some 20 to 50 dots; stacks are those of Wilkinson (1999,
doi:10.1080/00031305.1999.10474474).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dashboard.estimands import Effect, Floats

DOTS = 50
COLUMNS = 17
"""Stacks that the dots' range is wide, so that each dot is wide enough to count."""

ROWS = 7.0
"""Rows that fill a plot's height where a dot is as high as it is wide, at a plot's usual shape."""


@dataclass(frozen=True, eq=False)
class Dots:
    """Dots in stacks: their centers, and the size of a dot and of the plot.

    `x` and `width` are in the outcome's units, `y` and the plot's height `rows` in rows.
    """

    x: Floats
    y: Floats
    width: float
    rows: float


@lru_cache(maxsize=64)
def stack_dots(effect: Effect) -> Dots:
    """Stack `DOTS` quantiles of an effect; without spread they are one stack."""
    quantiles = np.quantile(effect.ordered, (np.arange(DOTS) + 0.5) / DOTS)
    width = float(np.ptp(quantiles)) / (COLUMNS - 1) or max(abs(float(quantiles[0])) * 0.01, 1e-9)
    x, y = np.empty(DOTS), np.empty(DOTS)
    start = 0
    while start < DOTS:
        end = int(np.searchsorted(quantiles, quantiles[start] + width, side="right"))
        x[start:end] = (quantiles[start] + quantiles[end - 1]) / 2
        y[start:end] = np.arange(end - start) + 0.5
        start = end
    return Dots(x, y, width, max(ROWS, float(y.max()) + 0.8))
