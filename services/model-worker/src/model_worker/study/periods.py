"""Calendar periods, and the integers that number them in the model.

A quarter is numbered ``4 * year + quarter - 1`` and a month ``12 * year + month - 1``. A date is numbered
in days; January 1 of year 1 is day 1. Consecutive periods differ by 1.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Literal

PeriodForm = Literal["integer", "year", "quarter", "month", "date"]

EXAMPLES: dict[PeriodForm, str] = {
    "integer": "a whole number of at most 15 digits, as in 2005",
    "year": "a year of four digits, as in 2005",
    "quarter": "a quarter, as in 2005Q1",
    "month": "a month, as in 2005-03",
    "date": "a date, as in 2005-03-31",
}

_INTEGER = re.compile(r"[+-]?\d{1,15}")
_YEAR = re.compile(r"[0-9]{4}")
_QUARTER = re.compile(r"([0-9]{4})[- ]?[Qq]([1-4])")
_MONTH = re.compile(r"([0-9]{4})[-/ ]?[Mm]?(0[1-9]|1[0-2]|(?<=[Mm])[1-9])")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?")


def number_period(text: str, form: PeriodForm) -> int | None:
    """Return the number of a period, or None if the text does not have this form."""
    if form == "integer":
        return int(text) if _INTEGER.fullmatch(text) else None
    if form == "year":
        return int(text) if _YEAR.fullmatch(text) and int(text) else None
    match = {"quarter": _QUARTER, "month": _MONTH, "date": _DATE}[form].fullmatch(text)
    if match is None or not int(match[1]):
        return None
    if form == "date":
        try:
            return date(int(match[1]), int(match[2]), int(match[3])).toordinal()
        except ValueError:
            return None
    return int(match[1]) * (4 if form == "quarter" else 12) + int(match[2]) - 1


def number_periods(texts: Sequence[str], form: PeriodForm) -> list[int | None]:
    """Return the number of each period, or None for each text that does not have this form."""
    return [number_period(text, form) for text in texts]


def label_period(number: int, form: PeriodForm) -> str:
    """Return the label of a period, as in ``2005 Q1``, ``2005-03`` or ``2005-03-31``."""
    if form == "quarter":
        return f"{number // 4:04d} Q{number % 4 + 1}"
    if form == "month":
        return f"{number // 12:04d}-{number % 12 + 1:02d}"
    if form == "date":
        return date.fromordinal(number).isoformat()
    return str(number)


def form_of_periods(texts: Sequence[str]) -> PeriodForm | None:
    """Return the first form that all texts have, trying narrow forms first, or None if there is none."""
    forms: tuple[PeriodForm, ...] = ("year", "quarter", "month", "date", "integer")
    return next(
        (form for form in forms if all(number_period(text, form) is not None for text in texts)), None
    )
