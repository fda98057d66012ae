"""A posterior as a small picture in SVG, for the list of studies."""

from collections.abc import Sequence

import numpy as np

WIDTH, HEIGHT = 240, 100
POINTS = 60
SMOOTHED = 9
"""Points over which the curve is averaged; quantiles alone give steps."""


def draw_thumbnail(quantiles: Sequence[float]) -> str:
    """Draw the density of an effect, and zero as a dashed line, as an ``svg`` element.

    The `quantiles` go evenly from the smallest draw to the largest; where they are all equal, there is no
    density and nothing is drawn. The element is made of numbers only; its colors are the style sheet's.
    """
    if not quantiles or not quantiles[-1] > quantiles[0]:
        return ""
    edges = np.linspace(quantiles[0], quantiles[-1], POINTS + 1)
    below = np.interp(edges, quantiles, np.linspace(0, 1, len(quantiles)))
    weights = np.hanning(SMOOTHED + 2)[1:-1]
    density = np.convolve(np.diff(below), weights / weights.sum(), mode="same")
    grid = (edges[:-1] + edges[1:]) / 2
    low, high = min(float(edges[0]), 0.0), max(float(edges[-1]), 0.0)
    x = WIDTH * (0.03 + 0.94 * (grid - low) / (high - low))
    y = HEIGHT * (0.97 - 0.9 * density / density.max())
    zero = WIDTH * (0.03 + 0.94 * (0 - low) / (high - low))
    base = f"{0.97 * HEIGHT:g}"
    points = "L".join(f"{across:.1f} {up:.1f}" for across, up in zip(x.tolist(), y.tolist(), strict=True))
    return (
        f'<svg class="thumbnail" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f'<path class="curve" d="M{x[0]:.1f} {base}L{points}L{x[-1]:.1f} {base}Z"/>'
        f'<line class="zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="2" y2="{base}"/></svg>'
    )
