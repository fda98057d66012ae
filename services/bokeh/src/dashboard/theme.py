"""Colours: every one in its light form, and what the page's script puts in its place in the dark.

What a figure means is seen against white and against the dark with a contrast of 3 to 1 and more: fills
that are paler have an edge that has it. Lines that are told apart by colour differ in lightness too, and
are drawn with dashes of their own, so that they survive print and colour-blindness (the compared units'
hues are near Okabe and Ito's, 2008).
"""

from itertools import cycle, islice

INK, BAND, ACCENT, MUTED = "#1b3a4b", "#9cc5d8", "#b3541e", "#6b7780"
PATH, PATH_BAND = "#8a4b08", "#f0c48a"
EDGE, PATH_EDGE = "#5693b0", "#bd7f2b"
"""Of the two bands and the interval; the first also fills dots outside it."""

COMPARED = ("#00795a", "#a3437f", "#2a7fc1")
DASHES = ("10 4", "2 3", "10 3 2 3")
DASH_NAMES = ("dashed", "dotted", "dotted and dashed")
PAPER, TEXT, AXIS, GRID = "#ffffff", "#33414a", "#8a969e", "#dde4e8"
TILE_TEXT, TILE_LINE = "#1d2a31", "#51606b"
CHOSEN = "#8b1a6b"
"""Of the chosen unit among all: neither of the two hues that tiles may have."""

DIVERGING = ("#e08b3c", "#eeb275", "#f6d6b4", "#f1eeea", "#c3dcec", "#92c2e0", "#5ba3d0")
"""From below zero to above it: orange to blue, light enough for dark letters on all of them."""

BLUE, VERMILLION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
"""Series of the analyst's figures, in their order: those of Okabe and Ito (2008, Color universal design)
that stand out from a white and from a near-black page alike, so that they need no other form in the dark."""

GREY = "#7b8790"
"""Lines of reference in those figures: zero, limits, what would be expected."""

DARK = {
    INK: "#a9d6ea",
    BAND: "#2f6079",
    ACCENT: "#f0965c",
    MUTED: "#97a5ae",
    PATH: "#f2b562",
    EDGE: "#4080a0",
    PATH_EDGE: "#9a6a2c",
    PATH_BAND: "#6e4a1c",
    COMPARED[0]: "#4fd6ae",
    COMPARED[1]: "#f09bcb",
    COMPARED[2]: "#7db8ff",
    # Between the tiles, which stay light, and what is around them.
    CHOSEN: "#bf2a90",
    PAPER: "#18222a",
    TEXT: "#d3dde3",
    AXIS: "#6f7f89",
    GRID: "#2c3a44",
    # What Bokeh gives where nothing else is said.
    "#444444": "#d3dde3",
    "#5b5b5b": "#97a5ae",
    "#e5e5e5": "#2c3a44",
    "black": "#d3dde3",
    "#000000": "#d3dde3",
    "white": "#18222a",
}


def choose_colours(count: int) -> tuple[str, ...]:
    """Return a colour for each of so many series, repeating after the fourth."""
    return tuple(islice(cycle((BLUE, VERMILLION, GREEN, PURPLE)), count))
