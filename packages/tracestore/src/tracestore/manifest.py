"""What is written down beside every trace: the manifest, and the parts it is made of."""

import hashlib
import json
from collections.abc import Hashable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    NonNegativeInt,
    PositiveInt,
    StringConstraints,
    model_validator,
)

from tracestore.answer import Answer as Answer
from tracestore.contract import Contract, Name
from tracestore.criticism import Criticism, ModelCard

SCHEMA_VERSION: Final = 1
TRACE_FILE = "trace.nc"
MANIFEST_FILE = "manifest.json"
CURRENT_FILE = "current.json"
STATUS_FILE = "status.json"
WITHDRAWN_FILE = "withdrawn.json"

VERSION_PATTERN = r"^[0-9a-f]{12}$"
STUDY_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
VersionName = Annotated[str, StringConstraints(pattern=VERSION_PATTERN)]
StudyName = Annotated[str, StringConstraints(pattern=STUDY_PATTERN)]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")]
Transform = Literal["log", "identity", "standardised"]
"""Of a standardised column the trace has standard deviations from the mean of the panel's values, and those
are its units."""


class Identity(Contract):
    """Everything that decides what a fit gives; its digest is the trace version."""

    data_sha256: Sha256
    study_sha256: Sha256
    model_version: Name
    packages: dict[str, str]
    chains: PositiveInt
    draws: PositiveInt
    tune: NonNegativeInt
    seed: NonNegativeInt

    def version(self) -> str:
        """Name the version: the first 12 hexadecimal digits of the SHA-256 of the identity.

        Digested is its JSON with sorted keys and without white space, so that the order in which
        packages were listed decides nothing.
        """
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


class NumberFormat(Contract):
    """How readers should see the numbers of a column."""

    decimals: Annotated[int, Field(ge=0, le=10)] | None = None
    """Always so many; None for as many as three significant digits take."""
    thousands: bool = True
    """Whether there are commas between thousands."""
    prefix: Annotated[str, StringConstraints(max_length=10)] = ""
    suffix: Annotated[str, StringConstraints(max_length=10)] = ""
    """What stands right before and behind the digits, as "US$" or "k"."""


class Variable(Contract):
    """A column of the panel as readers should see it."""

    column: Name
    label: Name
    units: str
    transform: Transform
    number: NumberFormat = NumberFormat()


class Axis(Contract):
    """Units or periods: the column they come from and what one and several are called, as in "state"."""

    column: Name
    noun: Name
    plural: Name | None = None

    @property
    def nouns(self) -> str:
        """What several are called."""
        return self.plural or f"{self.noun}s"


class WhatIf(Contract):
    """The change of the treatment that readers move, in percent or in the treatment's units."""

    kind: Literal["percent", "units"]
    default: float
    min: float
    max: float
    negligible: Annotated[float, Field(gt=0, le=100)] | None = None
    """Effects below so many percent of the outcome count as none: the region of practical equivalence."""
    number: NumberFormat | None = None
    """How effects are written; as the outcome is where None."""

    @model_validator(mode="after")
    def _range_holds_the_default(self) -> Self:
        if not self.min <= self.default <= self.max or self.min == self.max:
            raise ValueError(
                f"expected min <= default <= max and min < max; "
                f"found min {self.min}, default {self.default}, max {self.max}"
            )
        if self.kind == "percent" and self.min <= -100:
            raise ValueError(f"expected a min above -100 percent; found {self.min}")
        return self


class StudyCard(Contract):
    """What the page says about a study, taken from its study.toml."""

    name: StudyName
    title: Name
    unit: Axis
    period: Axis
    outcome: Variable
    treatment: Variable
    controls: tuple[str, ...] = ()
    what_if: WhatIf
    together: Literal["sum", "mean"] = "sum"
    """How the effects on all units make one figure: amounts add up, figures per head do not."""
    sign: Literal["saving", "gain", "change"]
    """`saving`: a lower outcome counts as positive; `gain` and `change`: a higher one does."""
    lags: NonNegativeInt = 0
    """How many steps a change of the treatment takes to have its whole effect; 0 where it has it at once."""
    source: str | None = None
    """Where the data come from, in the words of study.toml."""


class Unit(Contract):
    """One unit of the panel: its identifier in the data, and its label for readers."""

    id: Name
    label: Name


class Check(Contract):
    """One named check of a fit.

    `value` is None when the statistic could not be computed, which is a failure.
    `worst` names the variable and coordinate that gave the value, as in ``unit_effect[CA]``.
    """

    name: Name
    value: float | None
    threshold: float
    passed: bool
    worst: str | None = None

    @model_validator(mode="after")
    def _missing_value_fails(self) -> Self:
        if self.passed and self.value is None:
            raise ValueError(f"check {self.name} has no value, so it cannot have passed")
        return self


class Verdict(Contract):
    """The diagnostics of a fit; a verdict without checks has not passed."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the trace may become current."""
        return bool(self.checks) and all(check.passed for check in self.checks)


class Sampling(Contract):
    """How the draws were made, and how long each phase took, in seconds."""

    sampler: Name
    chains: PositiveInt
    draws: PositiveInt
    tune: NonNegativeInt
    seed: NonNegativeInt
    seconds: dict[str, float]


class FileEntry(Contract):
    """A file of a version: its content's SHA-256 and its size in bytes."""

    sha256: Sha256
    size: NonNegativeInt


class ManifestDraft(Contract):
    """What the fit knows of a version before its files are written."""

    study: StudyCard
    identity: Identity
    created_at: AwareDatetime
    units: Annotated[tuple[Unit, ...], Field(min_length=1)]
    periods: Annotated[tuple[int, ...], Field(min_length=1)]
    period_labels: tuple[str, ...] | None = None
    """How readers should see each of the periods, where that is not its number."""
    verdict: Verdict
    sampling: Sampling
    warnings: tuple[str, ...] = ()
    """What readers should know of the panel, a sentence each; see `model_worker.design.data_warnings`."""
    criticism: Criticism | None = None
    card: ModelCard | None = None
    answer: Answer | None = None
    """Absent in versions made before it was introduced."""

    @property
    def period_names(self) -> tuple[int | str, ...]:
        """The periods as readers should see them: their labels, or their numbers where they have none."""
        return self.period_labels if self.period_labels is not None else self.periods

    @model_validator(mode="after")
    def _coordinates_are_unique(self) -> Self:
        _refuse_repeats("units", (unit.id for unit in self.units))
        _refuse_repeats("periods", self.periods)
        if self.period_labels is not None and len(self.period_labels) != len(self.periods):
            raise ValueError(
                f"expected {len(self.periods)} period_labels, one for each period;"
                f" found {len(self.period_labels)}"
            )
        return self


class Manifest(ManifestDraft):
    """The whole of what is known about one published version, beside its files."""

    schema_version: Literal[1] = SCHEMA_VERSION
    version: VersionName
    files: dict[FileName, FileEntry]

    @model_validator(mode="after")
    def _version_is_the_identity(self) -> Self:
        if self.version != self.identity.version():
            raise ValueError(
                f"expected version {self.identity.version()}, which the identity gives; found {self.version}"
            )
        return self

    @model_validator(mode="after")
    def _files_are_the_trace_and_others(self) -> Self:
        if TRACE_FILE not in self.files:
            raise ValueError(f"expected {TRACE_FILE} among the files; found {sorted(self.files)}")
        if MANIFEST_FILE in self.files:
            raise ValueError(f"{MANIFEST_FILE} cannot list itself")
        return self


class Current(Contract):
    """Which version is served, and the one served before it, for rollback."""

    schema_version: Literal[1] = SCHEMA_VERSION
    version: VersionName
    previous: VersionName | None = None
    published_at: AwareDatetime

    @model_validator(mode="after")
    def _previous_is_another(self) -> Self:
        if self.previous == self.version:
            raise ValueError(f"version and previous are both {self.version}")
        return self


WithdrawalReason = Literal["folder", "command"]
"""Why a study is withdrawn: its folder is gone, or somebody asked for it."""


class Withdrawal(Contract):
    """A study that pages and lists leave out, since when and why; its versions stay in the store."""

    schema_version: Literal[1] = SCHEMA_VERSION
    study: StudyName
    withdrawn_at: AwareDatetime
    reason: WithdrawalReason


class Fault(Contract):
    """One thing wrong with a study's input, in words a reader of the page understands.

    `line` counts from 1 and is the line of the file as an editor shows it; `column` is the name of a
    CSV column or the dotted key of a TOML value. Of very many faults of one kind in one column the last that
    is told stands for all that are not: `times` counts them, itself among them.
    """

    kind: str
    file: str
    line: int | None = None
    column: str | None = None
    unit: str | None = None
    period: str | None = None
    value: str | None = None
    expected: str
    found: str
    advice: str
    times: PositiveInt = 1

    @property
    def finding(self) -> str:
        """What was found, and how many times more."""
        return f"{self.found} (and {self.times - 1:,} more such faults)" if self.times > 1 else self.found

    def sentence(self) -> str:
        """Say the fault in one line: where, what was found, what was expected, what to do."""
        place = self.file
        if self.line is not None:
            place += f", line {self.line}"
        if self.column is not None:
            place += f", column {self.column}"
        where = [part for part in (self.unit, self.period) if part is not None]
        if where:
            place += f" ({', '.join(where)})"
        return f"{place}: found {self.finding}; expected {self.expected}. {self.advice}"


Phase = Literal[
    "waiting",
    "reading",
    "compiling",
    "sampling",
    "diagnosing",
    "publishing",
    "published",
    "failed",
    "invalid",
]


class Status(Contract):
    """What the worker is doing with a study now; written at least once a second while it samples.

    `failed` is a fit that broke or did not pass its diagnostics, `invalid` an input with faults. In
    both, whatever was published before stays current.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    study: str
    title: str
    phase: Phase
    draws_done: NonNegativeInt = 0
    draws_total: NonNegativeInt = 0
    eta_seconds: float | None = None
    started_at: AwareDatetime
    updated_at: AwareDatetime
    error: str | None = None
    faults: tuple[Fault, ...] = ()


def utc_now() -> datetime:
    """Give the time, aware of its zone, as every record of the store carries it."""
    return datetime.now(UTC)


def _refuse_repeats(what: str, values: Iterable[Hashable]) -> None:
    seen: set[Hashable] = set()
    repeated = []
    for value in values:
        if value in seen:
            repeated.append(value)
        seen.add(value)
    if repeated:
        raise ValueError(f"expected every one of the {what} once; found again: {repeated}")
