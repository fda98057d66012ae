"""Where each state of the United States stands on a map of equal tiles.

Equal tiles give every state the same weight, and need no geodata: neighbours stand beside each other as
far as a grid of 12 by 8 allows. The postal abbreviations are those of the United States Postal Service
(Publication 28, appendix B): the fifty states and the District of Columbia.
"""

from collections.abc import Iterable, Mapping

_ROWS = (
    "AK . . . . . . . . . . ME",
    ". . . . . . . . . . VT NH",
    "WA ID MT ND MN WI MI . . NY MA RI",
    "OR NV WY SD IA IL IN OH PA NJ CT .",
    "CA UT CO NE MO KY WV VA MD DE . .",
    ". AZ NM KS AR TN NC SC DC . . .",
    ". . . OK LA MS AL GA . . . .",
    "HI . . TX . . . . FL . . .",
)

COLUMNS, ROWS = 12, len(_ROWS)

STATES: Mapping[str, tuple[int, int]] = {
    code: (column, row)
    for row, line in enumerate(_ROWS)
    for column, code in enumerate(line.split())
    if code != "."
}
"""Postal abbreviation to column, from the west, and row, from the north."""


def place_units(units: Iterable[str]) -> tuple[tuple[int, int], ...] | None:
    """Return the tile of each unit, or None unless all of them are states by their postal abbreviations."""
    tiles = [STATES.get(unit) for unit in units]
    return tuple(tile for tile in tiles if tile is not None) if None not in tiles else None
