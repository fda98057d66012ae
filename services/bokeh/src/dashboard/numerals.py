"""Numbers as readers should see them."""

import math

MINUS = "\N{MINUS SIGN}"
NARROW = "\N{NARROW NO-BREAK SPACE}"
MOST_PLACES = 9
"""Decimals from which on a number is written as a power of ten."""


def write_number(value: float, digits: int = 3) -> str:
    """Write a number to so many significant digits, with thousands separated and a true minus sign."""
    if not math.isfinite(value):
        return "not a number"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -6:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    decimals = max(0, digits - 1 - magnitude)
    return f"{round(value, digits - 1 - magnitude):,.{decimals}f}".replace("-", MINUS)


def write_interval(lower: float, upper: float, *middle: float) -> tuple[str, ...]:
    """Write the ends of an interval as far as its draws tell them, and numbers within it one digit further.

    The ends have the digits down to the second one of the interval's width: those of some thousand draws are
    uncertain by more than the next, and means and medians by some tenth of that.

    Returns
    -------
    tuple
        Lower and upper end, then the others in their order.
    """
    width = upper - lower
    if not (math.isfinite(width) and width > 0):
        return tuple(write_number(one) for one in (lower, upper, *middle))
    place = 1 - math.floor(math.log10(width))
    return tuple(_write_to(one, place) for one in (lower, upper)) + tuple(
        _write_to(one, place + 1) for one in middle
    )


def _write_to(value: float, place: int) -> str:
    """Write a number to a place behind the decimal point, or before it where negative."""
    if not math.isfinite(value):
        return "not a number"
    if place > MOST_PLACES:
        return f"{value:.2e}".replace("-", MINUS)
    rounded = round(value, place) + 0.0
    return f"{rounded:,.{max(0, place)}f}".replace("-", MINUS)


def write_probability(value: float) -> str:
    """Write a share of draws in percent; never as certain, which no number of draws makes it."""
    if value >= 0.9995:
        return f"more than 99.9{NARROW}%"
    if value < 0.0005:
        return f"less than 0.1{NARROW}%"
    return f"{100 * value:.1f}{NARROW}%"


def write_duration(seconds: float) -> str:
    """Write a time to go, as coarse as it is uncertain."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {round(seconds / 5) * 5} seconds"
    if seconds < 5400:
        return f"about {round(seconds / 60)} minutes"
    return f"about {seconds / 3600:.1f} hours"


def write_percent(share: float) -> str:
    """Write a share that was chosen, such as an interval's mass, in percent."""
    return f"{100 * share:.3g}{NARROW}%"
