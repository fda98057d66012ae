"""English plurals, and counts with their nouns."""

from functools import cache

from pluralizer import Pluralizer

_rules = cache(Pluralizer)


def plural_of(noun: str) -> str:
    """Return the English plural of a noun: states, countries, people."""
    return _rules().plural(noun)


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun, as in ``1 step`` and ``2,000 steps``."""
    return f"{number:,} {noun if number == 1 else plural or plural_of(noun)}"
