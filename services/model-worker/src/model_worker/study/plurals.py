"""Nouns of one and of several."""

from functools import cache

from pluralizer import Pluralizer

_rules = cache(Pluralizer)


def plural_of(noun: str) -> str:
    """Give what several are called, by the rules of English: states, countries, people."""
    return _rules().plural(noun)


def count_of(number: int, noun: str, plural: str | None = None) -> str:
    """Write how many there are, as in ``1 step`` and ``2,000 steps``."""
    return f"{number:,} {noun if number == 1 else plural or plural_of(noun)}"
