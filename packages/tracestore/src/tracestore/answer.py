"""The answer of a version: the effect of the study's default change, for lists that read no draws."""

from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import Field, NonNegativeInt, model_validator

from tracestore.contract import Contract, Name

QUANTILES: Final = 101
"""How many quantiles of the draws an answer has: those of 0 %, 1 % and so on to 100 %."""

Share = Annotated[float, Field(ge=0, le=1)]


class Answer(Contract):
    """The effect of the study's default change on all units of the last period, or why there is none.

    It has the study's sign, so that with `saving` a lower outcome is positive (docs/estimand.md). With a
    `reason` everything from `outcome` to `above` is None, and there are no quantiles.

    Attributes
    ----------
    period, units
        The panel's last period as readers see it, and how many units are observed there.
    reason
        Why there is no effect, as a clause: "the change brings the treatment to zero or below, ...".
    outcome
        Observed there, summed over the units or averaged as the study's `together` says.
    treatment
        Observed there, averaged over the units.
    mass
        The share of the draws that lie from `lower` to `upper`, the highest density interval.
    mean
        Posterior mean of the effect, in the outcome's units.
    probability
        Share of the draws above zero.
    within, above
        Shares of the draws no larger than the negligible size either way, and above it; None where the
        study names no such size.
    quantiles
        Of the draws, evenly from the smallest to the largest, by linear interpolation.
    """

    period: int | str
    units: NonNegativeInt
    reason: Name | None = None
    outcome: float | None = None
    treatment: float | None = None
    mass: Annotated[float, Field(gt=0, lt=1)]
    mean: float | None = None
    lower: float | None = None
    upper: float | None = None
    probability: Share | None = None
    within: Share | None = None
    above: Share | None = None
    quantiles: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _has_an_effect_or_a_reason(self) -> Self:
        figures = {
            name: getattr(self, name)
            for name in ("outcome", "treatment", "mean", "lower", "upper", "probability")
        }
        if self.reason is not None:
            told = [name for name, value in figures.items() if value is not None]
            if told or self.within is not None or self.above is not None or self.quantiles:
                raise ValueError(f"expected a reason or an effect; found {self.reason!r} and an effect")
            return self
        missing = [name for name, value in figures.items() if value is None]
        if missing or not self.units:
            raise ValueError(f"expected an effect on units where there is no reason; missing: {missing}")
        if (self.within is None) != (self.above is None):
            raise ValueError("expected both of within and above, or neither")
        if len(self.quantiles) != QUANTILES or any(a > b for a, b in pairwise(self.quantiles)):
            raise ValueError(f"expected {QUANTILES} quantiles in ascending order")
        return self

    @model_validator(mode="after")
    def _interval_has_its_ends_in_order(self) -> Self:
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(f"expected lower <= upper; found {self.lower} and {self.upper}")
        return self
