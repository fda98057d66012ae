"""What units are compared by, in figures, tables and words alike."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dashboard.copies import Shared
from dashboard.estimands import Estimand, Floats
from dashboard.numerals import PLAIN, effect_format, write_interval
from dashboard.unit_effects import UnitEffects
from tracestore.manifest import StudyCard


class Measure(Shared):
    """What units are compared by: percent of their outcome under a log, else the outcome's units."""

    def __init__(self, card: StudyCard, estimand: Estimand, effects: UnitEffects) -> None:
        self.effects = effects
        self.relative = estimand.outcome == "log"
        share = effects.share if self.relative else 1.0
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

    @cached_property
    def told(self) -> tuple[str, ...]:
        """What is said of each unit, where it is pointed at."""
        return tuple(self._tell(place) for place in range(self.mean.size))

    def _tell(self, place: int) -> str:
        if not np.isfinite(self.mean[place]):
            return "not defined"
        low, high, mean = write_interval(
            self.lower[place], self.upper[place], self.mean[place], form=self.number
        )
        return f"{mean} ({low} to {high}) {self.units}"
