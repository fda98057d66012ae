"""The state that a page shows, and its form in the page's address."""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args
from unicodedata import category
from urllib.parse import parse_qsl, urlencode

from dashboard.estimands import HDI_MASS

UNREADABLE = "The address of this page is too long or malformed, and cannot be read"
QUERY_MAX = 2_000
"""Characters of a query that are read; what pages write stays far below."""

QUOTED_MAX = 40
"""Characters of a value that a notice quotes."""

MASSES = (0.5, 0.8, 0.9, HDI_MASS, 0.95, 0.99)
COMPARED_MAX = 3
"""Units beside the chosen one; with more, lines can no longer be told apart by colour and dash."""

Tab = Literal["reader", "analyst"]
Theme = Literal["auto", "light", "dark"]
View = Literal["density", "dots"]


@dataclass(frozen=True)
class ViewState:
    """The choices of a reader; None where nothing was chosen, or nothing is published to choose from.

    Study, version and units are named as in the trace store.
    """

    study: str | None = None
    version: str | None = None
    unit: str | None = None
    change: float | None = None
    """Of the treatment, in percent or in its units as the study card says."""
    compare: tuple[str, ...] = ()
    """Up to `COMPARED_MAX` further units."""
    mass: float = HDI_MASS
    """Of the intervals, one of `MASSES`."""
    tab: Tab = "reader"
    theme: Theme = "auto"
    view: View = "density"
    """The form in which the posterior of an effect is drawn."""
    multiples: bool = False
    """True where all units are drawn over time."""
    embed: bool = False
    """True where the figures are shown alone, for another page to hold them."""

    def to_query(self) -> str:
        """Return the query string that leads back to this state, without a question mark and defaults."""
        chosen = [(key, getattr(self, key)) for key in NAMES if getattr(self, key) is not None]
        if self.change is not None:
            chosen.append(("change", format_change(self.change)))
        chosen += [("compare", unit) for unit in self.compare]
        default = ViewState()
        for key, allowed in ALLOWED.items():
            value = getattr(self, key)
            if value != getattr(default, key):
                chosen.append((key, next(written for written, one in allowed.items() if one == value)))
        return urlencode(chosen, errors="replace")


NAMES = ("study", "version", "unit")
CHOICES: dict[str, tuple[str, ...]] = {"tab": get_args(Tab), "theme": get_args(Theme), "view": get_args(View)}
SWITCHES = ("multiples", "embed")
ALLOWED: dict[str, dict[str, Any]] = {
    "mass": {f"{mass:g}": mass for mass in MASSES},
    **{key: {value: value for value in values} for key, values in CHOICES.items()},
    **{key: {"0": False, "1": True} for key in SWITCHES},
}
"""Values of each key that has a fixed set of them, as written in an address."""


def format_change(change: float) -> str:
    """Write a number so that reading it gives the same number, without a needless ".0"."""
    return str(int(change)) if change.is_integer() and abs(change) < 1e15 else repr(change)


def write_change(change: float) -> str:
    """Write a number for readers: as it is, but for the digits that only a computer needs."""
    return format_change(float(f"{change:.6g}"))


def read_pairs(query: str) -> list[tuple[str, str]] | None:
    """Split a query into keys and values; None where it is longer than any that a page writes."""
    with suppress(ValueError):
        if len(query) <= QUERY_MAX:
            return parse_qsl(query, keep_blank_values=True, errors="replace", max_num_fields=50)
    return None


def read_query(query: str, before: ViewState | None = None) -> tuple[ViewState, tuple[str, ...]]:
    """Read what a query asks for, whether or not it can be had.

    Unknown keys are left alone, the last of a repeated key counts, but for `compare`, all of which do.
    Never raises: the query is from a browser, and not to be trusted.

    Parameters
    ----------
    before
        The state that the parts which are not in the query keep; the default one if left out.

    Returns
    -------
    tuple
        The state asked for, and a notice for each value that cannot be read at all.
    """
    before = before or ViewState()
    pairs = read_pairs(query)
    if pairs is None:
        return before, (f"{UNREADABLE}; showing the default.",)
    asked = {key: value for key, value in pairs if value}
    parts: dict[str, Any] = {key: asked[key] for key in NAMES if key in asked}
    notices: list[str] = []
    if any(key == "compare" for key, _ in pairs):
        parts["compare"] = tuple(dict.fromkeys(value for key, value in pairs if key == "compare" and value))
    if "change" in asked:
        try:
            change = float(asked["change"])
        except ValueError:
            change = math.nan
        if math.isfinite(change):
            parts["change"] = change
        else:
            notices.append(f"“{quote(asked['change'])}” is not a number; showing the default change.")
    for key, allowed in ALLOWED.items():
        if asked.get(key) in allowed:
            parts[key] = allowed[asked[key]]
        elif key in asked:
            kind = "mass of intervals" if key == "mass" else f"value of “{key}”" if key in SWITCHES else key
            notices.append(f"“{quote(asked[key])}” is not a {kind}; it is one of {', '.join(allowed)}.")
    return replace(before, **parts), tuple(notices)


def quote(value: str) -> str:
    """Shorten a reader's value for a notice, and show what would end its line or turn its direction."""
    shown = "".join(
        "\N{REPLACEMENT CHARACTER}" if category(one)[0] in "CZ" and one != " " else one for one in value
    )
    return shown if len(shown) <= QUOTED_MAX else shown[: QUOTED_MAX - 1] + "…"
