"""Records stored with every trace: the manifest and its parts, pointer, status and withdrawal."""

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
"""Transform of a column. A standardized column's units are standard deviations from the mean of the panel's
values, and the trace stores them."""


class Identity(Contract):
    """All inputs that determine a fit's result; their digest is the trace version."""

    data_sha256: Sha256
    study_sha256: Sha256
    model_version: Name
    packages: dict[str, str]
    chains: PositiveInt
    draws: PositiveInt
    tune: NonNegativeInt
    seed: NonNegativeInt

    def version(self) -> str:
        """Return the version name: the first 12 hexadecimal digits of the identity's SHA-256.

        The digest covers the identity's JSON with sorted keys and without white space, so the order of
        the packages does not matter.
        """
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


class NumberFormat(Contract):
    """Display format of a column's numbers."""

    decimals: Annotated[int, Field(ge=0, le=10)] | None = None
    """Fixed number of decimals; None for three significant digits."""
    thousands: bool = True
    """True to separate thousands with commas."""
    prefix: Annotated[str, StringConstraints(max_length=10)] = ""
    suffix: Annotated[str, StringConstraints(max_length=10)] = ""
    """`prefix` and `suffix` are the text directly before and after the digits, for example "US$" or "k"."""


class Variable(Contract):
    """A column of the panel as displayed to readers."""

    column: Name
    label: Name
    units: str
    transform: Transform
    number: NumberFormat = NumberFormat()


class Axis(Contract):
    """Units or periods: their column, and the nouns for one and for several, for example "state"."""

    column: Name
    noun: Name
    plural: Name | None = None

    @property
    def nouns(self) -> str:
        """The plural noun."""
        return self.plural or f"{self.noun}s"


class WhatIf(Contract):
    """The change of the treatment that readers adjust, in percent or in the treatment's units."""

    kind: Literal["percent", "units"]
    default: float
    min: float
    max: float
    negligible: Annotated[float, Field(gt=0, le=100)] | None = None
    """Region of practical equivalence: effects below this percentage of the outcome are negligible."""
    number: NumberFormat | None = None
    """Format of effects; None for the outcome's format."""

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
    """Description of a study for its page, taken from study.toml."""

    name: StudyName
    title: Name
    unit: Axis
    period: Axis
    outcome: Variable
    treatment: Variable
    controls: tuple[str, ...] = ()
    what_if: WhatIf
    together: Literal["sum", "mean"] = "sum"
    """Aggregation of the effects over all units: sum for amounts, mean for figures per head."""
    sign: Literal["saving", "gain", "change"]
    """Sign of effects: positive for a lower outcome (`saving`) or for a higher one (`gain`, `change`)."""
    lags: NonNegativeInt = 0
    """Number of steps until a change of the treatment has its full effect; 0 for an immediate effect."""
    source: str | None = None
    """Source of the data, as worded in study.toml."""


class Unit(Contract):
    """One unit of the panel: its identifier in the data, and its label for readers."""

    id: Name
    label: Name


class Check(Contract):
    """One named check of a fit.

    `value` is None if the statistic could not be computed, which is a failure.
    `worst` names the variable and coordinate with that value, as in ``unit_effect[CA]``.
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
        """True if the trace may become current."""
        return bool(self.checks) and all(check.passed for check in self.checks)


class Sampling(Contract):
    """Sampler settings of the draws, and the duration of each phase in seconds."""

    sampler: Name
    chains: PositiveInt
    draws: PositiveInt
    tune: NonNegativeInt
    seed: NonNegativeInt
    seconds: dict[str, float]


class FileEntry(Contract):
    """A file of a version: the SHA-256 of its content and its size in bytes."""

    sha256: Sha256
    size: NonNegativeInt


class ManifestDraft(Contract):
    """Manifest fields that are known before the version's files are written."""

    study: StudyCard
    identity: Identity
    created_at: AwareDatetime
    units: Annotated[tuple[Unit, ...], Field(min_length=1)]
    periods: Annotated[tuple[int, ...], Field(min_length=1)]
    period_labels: tuple[str, ...] | None = None
    """Display labels of the periods; None if the periods are shown as numbers."""
    verdict: Verdict
    sampling: Sampling
    warnings: tuple[str, ...] = ()
    """Warnings about the panel for readers, one sentence each; see `model_worker.design.data_warnings`."""
    criticism: Criticism | None = None
    card: ModelCard | None = None
    answer: Answer | None = None
    """None in versions created before this field was introduced."""

    @property
    def period_names(self) -> tuple[int | str, ...]:
        """The periods as displayed to readers: their labels, or their numbers if they have no labels."""
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
    """Complete manifest of one published version, stored beside its files."""

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
    """Pointer to the served version, and to the previously served one for rollback."""

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
"""Reason for a withdrawal: the study's folder is gone, or a user ran the command."""


class Withdrawal(Contract):
    """Date and reason of a study's withdrawal from pages and lists; its versions stay in the store."""

    schema_version: Literal[1] = SCHEMA_VERSION
    study: StudyName
    withdrawn_at: AwareDatetime
    reason: WithdrawalReason


class Fault(Contract):
    """One fault in a study's input, in words that a reader of the page understands.

    `line` is the line number in an editor, counted from 1. `column` is the name of a CSV column or the
    dotted key of a TOML value. If one column has very many faults of one kind, the last reported fault
    stands for all unreported ones; `times` counts them, including itself.
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
        """The found value, with the number of further faults."""
        return f"{self.found} (and {self.times - 1:,} more such faults)" if self.times > 1 else self.found

    def sentence(self) -> str:
        """Return the fault as one line: place, found value, expected value, advice."""
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
    """The worker's current state for a study, written at least once a second during sampling.

    `failed` means that a fit broke off or did not pass its diagnostics; `invalid` means that the input has
    faults. In both phases, a previously published version stays current.
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
    """Return the current time in UTC, with its time zone, as used in every record of the store."""
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
