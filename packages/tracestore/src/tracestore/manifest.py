"""What is written down beside every trace: the manifest, and the parts it is made of."""

import hashlib
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

SCHEMA_VERSION = 1
TRACE_FILE = "trace.nc"
MANIFEST_FILE = "manifest.json"
CURRENT_FILE = "current.json"
STATUS_FILE = "status.json"

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
VersionName = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
StudyName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")]
Transform = Literal["log", "identity"]


class Contract(BaseModel):
    """Frozen, and refusing what it does not know: both sides of the volume speak one version."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Identity(Contract):
    """Everything that decides what a fit gives; its digest is the trace version."""

    data_sha256: Sha256
    study_sha256: Sha256
    model_version: str
    packages: dict[str, str]
    chains: int
    draws: int
    tune: int
    seed: int

    def version(self) -> str:
        """Name the version: the first 12 hexadecimal digits of the identity's SHA-256."""
        parts = self.model_dump_json().encode()
        canonical = Identity.model_validate_json(parts).model_copy(
            update={"packages": dict(sorted(self.packages.items()))}
        )
        return hashlib.sha256(canonical.model_dump_json().encode()).hexdigest()[:12]


class Variable(Contract):
    """A column of the panel as readers should see it."""

    column: str
    label: str
    units: str
    transform: Transform


class Axis(Contract):
    """Units or periods: the column they come from and what one is called, as in "state"."""

    column: str
    noun: str


class WhatIf(Contract):
    """The change of the treatment that readers move, in percent or in the treatment's units."""

    kind: Literal["percent", "units"]
    default: float
    min: float
    max: float


class StudyCard(Contract):
    """What the page says about a study, taken from its study.toml."""

    name: StudyName
    title: str
    unit: Axis
    period: Axis
    outcome: Variable
    treatment: Variable
    controls: tuple[str, ...] = ()
    what_if: WhatIf
    sign: Literal["saving", "gain", "change"]
    """`saving`: a lower outcome counts as positive; `gain` and `change`: a higher one does."""


class Unit(Contract):
    """One unit of the panel: its identifier in the data, and its label for readers."""

    id: str
    label: str


class Check(Contract):
    """One named check of a fit.

    `value` is None when the statistic could not be computed, which is a failure.
    `worst` names the variable and coordinate that gave the value, as in ``unit_effect[CA]``.
    """

    name: str
    value: float | None
    threshold: float
    passed: bool
    worst: str | None = None


class Verdict(Contract):
    """The diagnostics of a fit; a verdict without checks has not passed."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the trace may become current."""
        return bool(self.checks) and all(check.passed for check in self.checks)


class Sampling(Contract):
    """How the draws were made, and how long each phase took, in seconds."""

    sampler: str
    chains: int
    draws: int
    tune: int
    seed: int
    seconds: dict[str, float]


class FileEntry(Contract):
    """A file of a version: its content's SHA-256 and its size in bytes."""

    sha256: Sha256
    size: Annotated[int, Field(ge=0)]


class Manifest(Contract):
    """The whole of what is known about one published version, beside its files."""

    schema_version: Literal[1] = SCHEMA_VERSION
    study: StudyCard
    version: VersionName
    identity: Identity
    created_at: AwareDatetime
    units: tuple[Unit, ...]
    periods: tuple[int, ...]
    verdict: Verdict
    sampling: Sampling
    files: dict[FileName, FileEntry]


class Current(Contract):
    """Which version is served, and the one served before it, for rollback."""

    schema_version: Literal[1] = SCHEMA_VERSION
    version: VersionName
    previous: VersionName | None = None
    published_at: AwareDatetime


class Fault(Contract):
    """One thing wrong with a study's input, in words a reader of the page understands.

    `line` counts from 1 and is the line of the file as an editor shows it; `column` is the name of a
    CSV column or the dotted key of a TOML value.
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
        return f"{place}: found {self.found}; expected {self.expected}. {self.advice}"


Phase = Literal[
    "waiting", "reading", "compiling", "sampling", "diagnosing", "publishing", "published", "failed", "invalid"
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
    draws_done: int = 0
    draws_total: int = 0
    eta_seconds: float | None = None
    started_at: AwareDatetime
    updated_at: AwareDatetime
    error: str | None = None
    faults: tuple[Fault, ...] = ()


def utc_now() -> datetime:
    """Give the time, aware of its zone, as every record of the store carries it."""
    from datetime import UTC

    return datetime.now(UTC)
