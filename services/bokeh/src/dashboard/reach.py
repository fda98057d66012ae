"""Extrapolation: where a change of the treatment leads beyond the data of every unit."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dashboard.estimands import Floats

TOLERANCE = 1e-9
"""Relative, so that a change to the very edge is not called beyond it for a rounding error."""


@dataclass(frozen=True)
class Reach:
    """The range of the treatment in the panel.

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
    """Find the range of a treatment (unit, period) in its own units, NaN where not observed."""
    known = np.where(np.isfinite(treatment), treatment, np.nan)
    least = np.fmin.accumulate(known, axis=1)
    most = np.fmax.accumulate(known, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rise = 100 * (known / least - 1) if kind == "percent" else known - least
        fall = 100 * (known / most - 1) if kind == "percent" else known - most
    return Reach(
        lowest=float(np.nanmin(known)),
        highest=float(np.nanmax(known)),
        fall=float(fall.min(initial=0.0, where=np.isfinite(fall))),
        rise=float(rise.max(initial=0.0, where=np.isfinite(rise))),
    )


@dataclass(frozen=True)
class Beyond:
    """One way in which a scenario leaves the data: the treatment it leads to, and the limit it passes."""

    value: float
    limit: float
    what: Literal["highest", "lowest", "rise", "fall"]


def leave_reach(
    reach: Reach, treatment: float, change: float, kind: Literal["percent", "units"]
) -> tuple[Beyond, ...]:
    """Return in which ways a change of one unit's treatment leaves the range of the data."""
    after = treatment * (1.0 + change / 100.0) if kind == "percent" else treatment + change
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
