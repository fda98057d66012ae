"""Faults of a study's input, collected and raised together."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from tracestore.manifest import Fault


class InvalidInput(Exception):
    """A study's input cannot be fitted; `faults` has everything that was found, in file order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(fault.sentence() for fault in self.faults))


def suggest(found: str, known: Sequence[str]) -> str:
    """Say which of the known names was probably meant.

    Returns
    -------
    str
        ``Did you mean "year"?``, or the list of all known names when none is close.
    """
    close = get_close_matches(found.strip().lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    if close:
        meant = next(name for name in known if name.lower() == close[0])
        return f'Did you mean "{meant}"?'
    return f"Known here: {', '.join(known)}." if known else "Nothing is known here."


def tell_columns(columns: Iterable[str]) -> str:
    """Name the columns that were found, as far as a line holds them."""
    return f"the columns {', '.join(columns)}"[:300]
