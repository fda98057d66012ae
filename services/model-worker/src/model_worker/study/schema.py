"""Schema of study.toml: its tables and keys, and the JSON Schema for completion in editors."""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from model_worker.study.periods import PeriodForm
from model_worker.study.plurals import plural_of
from model_worker.study.read_options import ReadOptions
from tracestore.manifest import FileName, Transform

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class _NamedTable(_Table):
    column: Text
    noun: Text
    plural: Text | None = None

    @property
    def nouns(self) -> str:
        """Plural noun: `plural`, or the English plural of `noun` if `plural` is not set."""
        return self.plural or plural_of(self.noun)


class UnitTable(_NamedTable):
    """`unit`: the column that tells the units apart, the one with their labels, what one is called."""

    noun: Text = "unit"
    label: Text | None = None


class PeriodTable(_NamedTable):
    """`period`: the column that orders the rows of a unit, what one is called, and how one is written."""

    noun: Text = "period"
    form: PeriodForm = "integer"


Affix = Annotated[str, StringConstraints(max_length=10)]


class NumberTable(_Table):
    """`number`: how readers should see the numbers of a column; by default with three significant digits."""

    decimals: Annotated[int, Field(ge=0, le=10)] | None = None
    thousands: bool = True
    prefix: Affix = ""
    suffix: Affix = ""


class VariableTable(_Table):
    """`outcome` or `treatment`: the column, how readers should see it, and its transform."""

    column: Text
    label: Text
    units: Text
    transform: Transform = "identity"
    number: NumberTable = NumberTable()


# The bounds are far beyond any treatment, and small enough for differences to be finite.
Amount = Annotated[float, Field(ge=-1e15, le=1e15)]


class ChangeTable(_Table):
    """`what_if.change`: the change of the treatment that readers move."""

    kind: Literal["percent", "units"]
    default: Amount
    min: Amount
    max: Amount


class WhatIfTable(_Table):
    """`what_if`: the change, and how a lower outcome is to be called."""

    change: ChangeTable
    sign: Literal["saving", "gain", "change"] = "change"
    together: Literal["sum", "mean"] = "sum"
    negligible: Annotated[float, Field(gt=0, le=100)] | None = None
    number: NumberTable | None = None


class PriorTable(_Table):
    """`model.prior`: what is thought before the data, on scales that a person can think in."""

    effect: Annotated[float, Field(gt=0, le=1e15)] | None = None
    """Size of effect that the default change of the treatment exceeds with a prior probability of 5%.
    The value is in percent of the outcome under a log transform, else in the outcome's units."""


class ModelTable(_Table):
    """`model`: which model is fitted; the defaults are stated in docs/estimand.md."""

    errors: Literal["ar1", "independent"] = "ar1"
    tails: Literal["normal", "student"] = "normal"
    slopes: Literal["auto", "unit", "common"] = "auto"
    effects: Literal["free", "pooled"] = "free"
    trends: bool = False
    lags: Annotated[int, Field(ge=0, le=20)] = 0
    prior: PriorTable = PriorTable()


class StudyToml(_Table):
    """The whole of study.toml."""

    title: Text
    file: FileName
    unit: UnitTable
    period: PeriodTable
    outcome: VariableTable
    treatment: VariableTable
    controls: Annotated[list[Text], Field(max_length=50)] = []
    source: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)] | None = (
        None
    )
    what_if: WhatIfTable
    model: ModelTable = ModelTable()
    read: ReadOptions = ReadOptions()


def schema_of_study() -> str:
    """Return the JSON Schema of study.toml."""
    return json.dumps(StudyToml.model_json_schema(), indent=2, ensure_ascii=False)
