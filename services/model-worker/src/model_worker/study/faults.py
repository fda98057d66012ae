"""Faults of a study's input, collected and raised together."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from tracestore.manifest import Fault


class InvalidInput(Exception):
    """Error for study input that cannot be fitted; `faults` lists every fault in file order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(fault.sentence() for fault in self.faults))


def suggest(found: str, known: Sequence[str]) -> str:
    """Return a sentence that suggests the known name closest to `found`.

    Returns
    -------
    str
        ``Did you mean "year"?``, or a list of all known names if none is close.
    """
    close = get_close_matches(found.strip().lower(), [name.lower() for name in known], n=1, cutoff=0.6)
    if close:
        meant = next(name for name in known if name.lower() == close[0])
        return f'Did you mean "{meant}"?'
    return f"Known here: {', '.join(known)}." if known else "Nothing is known here."


def tell_columns(columns: Iterable[str]) -> str:
    """Return a phrase that lists the columns found, cut off at 300 characters."""
    return f"the columns {', '.join(columns)}"[:300]
