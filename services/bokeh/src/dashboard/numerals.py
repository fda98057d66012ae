"""Numbers as readers should see them."""

import math

from tracestore.manifest import NumberFormat, StudyCard

MINUS = "\N{MINUS SIGN}"
NARROW = "\N{NARROW NO-BREAK SPACE}"
MOST_PLACES = 9
"""Decimals from which on a number is written as a power of ten."""


PLAIN = NumberFormat()
"""How numbers are written where a study says nothing of it."""


def effect_format(card: StudyCard) -> NumberFormat:
    """Give how a study has its effects written."""
    return card.what_if.number or card.outcome.number


def write_number(value: float, digits: int = 3, form: NumberFormat = PLAIN) -> str:
    """Write a number with a true minus sign, as its format says.

    Where that names no decimals, to so many significant digits.
    """
    if not math.isfinite(value):
        return "not a number"
    written = (
        _significant(abs(value), digits) if form.decimals is None else f"{abs(value):,.{form.decimals}f}"
    )
    return _dress(written, value < 0, form)


def write_in_full(value: float, form: NumberFormat = PLAIN) -> str:
    """Write a number to read off: with the decimals of its format, or up to three where it names none."""
    if not math.isfinite(value):
        return "not a number"
    written = f"{abs(value):,.{3 if form.decimals is None else form.decimals}f}"
    if form.decimals is None:
        written = written.rstrip("0").rstrip(".")
    return _dress(written, value < 0, form)


def write_as_given(written: str, form: NumberFormat = PLAIN) -> str:
    """Put a number that someone chose between prefix and suffix, its digits as they are."""
    return f"{form.prefix}{written}{form.suffix}"


def tick_format(form: NumberFormat) -> str:
    """Give the format of an axis' ticks, in the terms of Bokeh's `NumeralTickFormatter`."""
    decimals = ".[000]" if form.decimals is None else f".{'0' * form.decimals}" if form.decimals else ""
    return f"{'0,0' if form.thousands else '0'}{decimals}"


def _dress(written: str, negative: bool, form: NumberFormat) -> str:
    if not form.thousands:
        written = written.replace(",", "")
    # What is rounded to nothing has no sign.
    sign = MINUS if negative and any(digit in "123456789" for digit in written) else ""
    return f"{sign}{form.prefix}{written}{form.suffix}"


def _significant(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -6:
        return f"{value:.{digits - 1}e}".replace("-", MINUS)
    decimals = max(0, digits - 1 - magnitude)
    return f"{round(value, digits - 1 - magnitude):,.{decimals}f}"


def write_interval(lower: float, upper: float, *middle: float, form: NumberFormat = PLAIN) -> tuple[str, ...]:
    """Write the ends of an interval as far as its draws tell them, and numbers within it one digit further.

    The ends have the digits down to the second one of the interval's width: those of some thousand draws are
    uncertain by more than the next, and means and medians by some tenth of that. A format that names decimals
    is followed instead.

    Returns
    -------
    tuple
        Lower and upper end, then the others in their order.
    """
    width = upper - lower
    if form.decimals is not None or not (math.isfinite(width) and width > 0):
        return tuple(write_number(one, form=form) for one in (lower, upper, *middle))
    place = 1 - math.floor(math.log10(width))
    return tuple(_write_to(one, place, form) for one in (lower, upper)) + tuple(
        _write_to(one, place + 1, form) for one in middle
    )


def _write_to(value: float, place: int, form: NumberFormat) -> str:
    """Write a number to a place behind the decimal point, or before it where negative."""
    if not math.isfinite(value):
        return "not a number"
    size = abs(value)
    written = (
        f"{size:.2e}".replace("-", MINUS)
        if place > MOST_PLACES
        else f"{round(size, place):,.{max(0, place)}f}"
    )
    return _dress(written, value < 0, form)


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
