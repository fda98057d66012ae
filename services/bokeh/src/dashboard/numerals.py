"""Numbers as readers should see them."""

import math
from collections.abc import Callable

from tracestore.manifest import NumberFormat, StudyCard

MINUS = "\N{MINUS SIGN}"
NARROW = "\N{NARROW NO-BREAK SPACE}"
PLAIN = NumberFormat()
"""Format of numbers where a study names none."""


def effect_format(card: StudyCard) -> NumberFormat:
    """Return the format of a study's effects."""
    return card.what_if.number or card.outcome.number


def write_number(value: float, digits: int = 3, form: NumberFormat = PLAIN) -> str:
    """Write a number as its format says, or to so many significant digits where that names no decimals."""
    return _dress(value, form, lambda size: _write_significant(size, digits))


def write_in_full(value: float, form: NumberFormat = PLAIN) -> str:
    """Write a number to read off: with the decimals of its format, or up to three where it names none."""
    return _dress(value, form, lambda size: f"{size:,.3f}".rstrip("0").rstrip("."))


def write_as_given(written: str, form: NumberFormat = PLAIN) -> str:
    """Put a number that someone chose between prefix and suffix, its digits as they are."""
    return f"{form.prefix}{written}{form.suffix}"


def tick_format(form: NumberFormat) -> str:
    """Return the format of an axis' ticks, in the terms of Bokeh's `NumeralTickFormatter`."""
    decimals = ".[000]" if form.decimals is None else f".{'0' * form.decimals}" if form.decimals else ""
    return f"{'0,0' if form.thousands else '0'}{decimals}"


def _dress(value: float, form: NumberFormat, write: Callable[[float], str]) -> str:
    """Write a number with sign, prefix and suffix; `write` is for its size where no decimals are named."""
    if not math.isfinite(value):
        return "not a number"
    size = abs(value)
    written = write(size) if form.decimals is None else f"{size:,.{form.decimals}f}"
    if not form.thousands:
        written = written.replace(",", "")
    # A number that is rounded to nothing has no sign.
    sign = MINUS if value < 0 and any(digit in "123456789" for digit in written) else ""
    return f"{sign}{form.prefix}{written}{form.suffix}"


def _write_significant(size: float, digits: int) -> str:
    if size == 0:
        return "0"
    magnitude = math.floor(math.log10(size))
    if magnitude < -6:
        return f"{size:.{digits - 1}e}".replace("-", MINUS)
    return _write_to(size, digits - 1 - magnitude)


def _write_to(size: float, place: int) -> str:
    """Write a size to a place behind the decimal point, or before it where negative."""
    if place > 9:
        return f"{size:.2e}".replace("-", MINUS)
    return f"{round(size, place):,.{max(0, place)}f}"


def write_interval(lower: float, upper: float, *middle: float, form: NumberFormat = PLAIN) -> tuple[str, ...]:
    """Write the ends of an interval as far as its draws tell them, then numbers within it one digit further.

    The ends have the digits down to the second one of the interval's width: those of some thousand draws are
    uncertain by more than the next, and means and medians by some tenth of that. A format that names decimals
    is followed instead.
    """
    width = upper - lower
    if form.decimals is not None or not (math.isfinite(width) and width > 0):
        return tuple(write_number(one, form=form) for one in (lower, upper, *middle))
    place = 1 - math.floor(math.log10(width))
    ends = [_dress(one, form, lambda size: _write_to(size, place)) for one in (lower, upper)]
    return *ends, *(_dress(one, form, lambda size: _write_to(size, place + 1)) for one in middle)


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
