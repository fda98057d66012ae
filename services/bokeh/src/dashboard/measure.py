"""The measure by which figures, tables and words compare units."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dashboard.copies import Shared
from dashboard.estimands import Estimand, Floats
from dashboard.numerals import PLAIN, effect_format, write_interval
from dashboard.unit_effects import UnitEffects
from tracestore.manifest import StudyCard


class Measure(Shared):
    """The effects on units in percent of their outcome under a log, else in the outcome's units."""

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
        """Return the positions of units with an effect, from the largest to the smallest."""
        order: NDArray[np.int64] = np.argsort(-self.mean, kind="stable")
        return order[np.isfinite(self.mean[order])].astype(np.int64)

    @cached_property
    def told(self) -> tuple[str, ...]:
        """Return the tooltip of each unit."""
        told = ["not defined"] * self.mean.size
        for place in np.flatnonzero(np.isfinite(self.mean)):
            low, high, mean = write_interval(
                self.lower[place], self.upper[place], self.mean[place], form=self.number
            )
            told[place] = f"{mean} ({low} to {high}) {self.units}"
        return tuple(told)
