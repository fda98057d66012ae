"""Numbers as readers should see them."""

import math

MINUS = "\N{MINUS SIGN}"
NARROW = "\N{NARROW NO-BREAK SPACE}"


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


def write_apart(*values: float, digits: int = 3, most: int = 7) -> tuple[str, ...]:
    """Write numbers that are read together with as many digits as tell them apart, up to `most`."""
    for used in range(digits, most + 1):
        written = tuple(write_number(value, used) for value in values)
        if len(set(written)) == len(set(values)):
            break
    return written


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
