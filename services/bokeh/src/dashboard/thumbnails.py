"""A posterior as a small picture in SVG, for the list of studies."""

import numpy as np

from dashboard.estimands import Effect

WIDTH, HEIGHT = 240, 100
POINTS = 60


def draw_thumbnail(effect: Effect) -> str:
    """Draw the density of an effect, and zero as a dashed line where it is in sight.

    Returns
    -------
    str
        An ``svg`` element, made of numbers only; its colours are the style sheet's. Empty where there is
        no density.
    """
    if effect.is_point:
        return ""
    where, curve = effect.curve
    low, high = min(float(where[0]), 0.0), max(float(where[-1]), 0.0)
    grid = np.linspace(where[0], where[-1], POINTS)
    density = np.interp(grid, where, curve)
    x = WIDTH * (0.03 + 0.94 * (grid - low) / (high - low))
    y = HEIGHT * (0.97 - 0.9 * density / density.max())
    zero = WIDTH * (0.03 + 0.94 * (0 - low) / (high - low))
    base = f"{0.97 * HEIGHT:g}"
    points = "L".join(f"{across:.1f} {up:.1f}" for across, up in zip(x, y, strict=True))
    return (
        f'<svg class="thumbnail" viewBox="0 0 {WIDTH} {HEIGHT}" aria-hidden="true">'
        f'<path class="curve" d="M{x[0]:.1f} {base}L{points}L{x[-1]:.1f} {base}Z"/>'
        f'<line class="zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="2" y2="{base}"/></svg>'
    )
