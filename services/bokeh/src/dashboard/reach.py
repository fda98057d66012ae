"""How far the data reach: where a change of the treatment leads beyond what any unit has seen."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dashboard.estimands import Floats, changed_treatment

TOLERANCE = 1e-9
"""Relative, so that a change to the very edge is not called beyond it for a rounding error."""


@dataclass(frozen=True)
class Reach:
    """What the panel has of the treatment.

    Attributes
    ----------
    lowest, highest
        Over all units and periods, in the treatment's units.
    fall, rise
        The largest changes within one unit, between any two of its periods in their order, in percent or
        in the treatment's units; `fall` is not above zero, `rise` not below.
    """

    lowest: float
    highest: float
    fall: float
    rise: float


def find_reach(treatment: Floats, kind: Literal["percent", "units"]) -> Reach:
    """Find what a panel has of its treatment.

    Parameters
    ----------
    treatment : (unit, period)
        In its own units; NaN where not observed.
    """
    known = np.where(np.isfinite(treatment), treatment, np.nan)
    least = np.fmin.accumulate(known, axis=1)
    most = np.fmax.accumulate(known, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = 100 * (known / least - 1) if kind == "percent" else known - least
        fall = 100 * (known / most - 1) if kind == "percent" else known - most
    return Reach(
        lowest=float(np.nanmin(known)),
        highest=float(np.nanmax(known)),
        fall=float(_finite(fall).min(initial=0.0)),
        rise=float(_finite(rise).max(initial=0.0)),
    )


@dataclass(frozen=True)
class Beyond:
    """Where a scenario leaves what the data have: the treatment it leads to, and what it passes."""

    value: float
    limit: float
    what: Literal["highest", "lowest", "rise", "fall"]


def leave_reach(
    reach: Reach, treatment: float, change: float, kind: Literal["percent", "units"]
) -> tuple[Beyond, ...]:
    """Say in which ways a change of one unit's treatment leaves what the data have seen."""
    after = float(changed_treatment(np.asarray([treatment]), change, kind)[0])
    slack = TOLERANCE * max(abs(reach.lowest), abs(reach.highest), 1e-300)
    found: list[Beyond] = []
    if after > reach.highest + slack:
        found.append(Beyond(after, reach.highest, "highest"))
    if after < reach.lowest - slack:
        found.append(Beyond(after, reach.lowest, "lowest"))
    if change > reach.rise * (1 + TOLERANCE) and change > 0:
        found.append(Beyond(change, reach.rise, "rise"))
    if change < reach.fall * (1 + TOLERANCE) and change < 0:
        found.append(Beyond(change, reach.fall, "fall"))
    return tuple(found)


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]
