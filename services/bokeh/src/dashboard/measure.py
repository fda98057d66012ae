"""What units are compared by, in figures, tables and words alike."""

import numpy as np
from numpy.typing import NDArray

from dashboard.estimands import Floats
from dashboard.numerals import PLAIN, effect_format
from dashboard.unit_effects import UnitEffects
from dashboard.versions import LoadedVersion


class Measure:
    """What units are compared by: percent of their outcome under a log, else the outcome's units."""

    def __init__(self, version: LoadedVersion, effects: UnitEffects) -> None:
        self.effects = effects
        self.relative = version.estimand.outcome == "log"
        share = effects.share if self.relative else 1.0
        card = version.manifest.study
        self.units = "%" if self.relative else card.outcome.units
        self.number = PLAIN if self.relative else effect_format(card)
        self.mean: Floats = effects.mean * share
        self.lower: Floats = effects.lower * share
        self.upper: Floats = effects.upper * share
        self.doubtful: NDArray[np.bool_] = (self.lower <= 0) & (self.upper >= 0)

    def rank(self) -> NDArray[np.int64]:
        """Give the positions of units with an effect, from the largest to the smallest."""
        order: NDArray[np.int64] = np.argsort(-self.mean, kind="stable")
        return order[np.isfinite(self.mean[order])].astype(np.int64)
