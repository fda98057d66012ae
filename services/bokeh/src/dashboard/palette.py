"""The colours of figures: those of Okabe and Ito, told apart by readers with any colour vision.

Of the eight, these stand out from a white and from a near-black page alike (contrast of 3 to 1 and more),
so that a figure needs no second set of colours in the dark.
"""

BLUE, VERMILLION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
"""Okabe, M. and Ito, K. (2008), Color universal design; the other four are too pale on white."""

GREY = "#7b8790"
"""Lines of reference: zero, limits, what would be expected."""

SERIES = (BLUE, VERMILLION, GREEN, PURPLE)
"""For things that are told apart by colour, in order; more than four repeat them."""


def choose_colours(count: int) -> tuple[str, ...]:
    """Give a colour for each of so many things, repeating after the fourth."""
    return tuple(SERIES[place % len(SERIES)] for place in range(count))
