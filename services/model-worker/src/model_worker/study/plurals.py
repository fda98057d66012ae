"""Plurals of nouns, and counts with their noun."""

from functools import cache

from pluralizer import Pluralizer

_rules = cache(Pluralizer)


def plural_of(noun: str) -> str:
    """Return the plural of a noun by the rules of English: states, countries, people."""
    return _rules().plural(noun)


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun, as in ``1 step`` and ``2,000 steps``."""
    return f"{number:,} {noun if number == 1 else plural or plural_of(noun)}"
