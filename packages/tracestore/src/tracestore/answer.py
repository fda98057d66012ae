"""Answer of a version: the effect of the study's default change, for lists that read no draws."""

from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import Field, NonNegativeInt, model_validator

from tracestore.contract import Contract, Name

QUANTILES: Final = 101
"""Number of quantiles of the draws in an answer: 0%, 1%, ..., 100%."""

Share = Annotated[float, Field(ge=0, le=1)]


class Answer(Contract):
    """The effect of the study's default change on all units of the last period, or the reason for none.

    The effect has the study's sign: with `saving`, a lower outcome is positive (docs/estimand.md). With a
    `reason`, every field from `outcome` to `above` except `mass` is None, and `quantiles` is empty.

    Attributes
    ----------
    period, units
        The panel's last period as shown to readers, and the number of units observed in that period.
    reason
        Reason for a missing effect, as a clause: "the change brings the treatment to zero or below, ...".
    outcome
        Outcome observed in that period, summed or averaged over the units according to `together`.
    treatment
        Treatment observed in that period, averaged over the units.
    mass
        Share of the draws between `lower` and `upper`, the highest density interval.
    mean
        Posterior mean of the effect, in the outcome's units.
    probability
        Share of the draws above zero.
    within, above
        Shares of the draws whose absolute value is at most the negligible size, and of those above that
        size; None if the study defines no negligible size.
    quantiles
        Evenly spaced quantiles of the draws, from smallest to largest, by linear interpolation.
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
