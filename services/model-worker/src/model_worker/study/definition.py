"""Study definitions: reading and checking of study.toml, with all faults reported at once."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from model_worker.study.faults import InvalidInput, suggest
from model_worker.study.schema import StudyToml, VariableTable
from model_worker.study.toml_lines import line_of
from tracestore.manifest import Axis, Fault, NumberFormat, StudyCard, StudyName, Variable, WhatIf

STUDY_FILE = "study.toml"
STANDARD_DEVIATIONS = "SD"
FORMS = (".csv", ".csv.gz", ".parquet")
"""Extensions of data files; the extension selects the reader."""


@dataclass(frozen=True)
class Study:
    """A valid study: its name, the parsed study.toml, and the bytes of that file."""

    name: str
    folder: Path
    toml: StudyToml
    text: bytes

    @property
    def data_path(self) -> Path:
        """Path of the study's data file."""
        return self.folder / self.toml.file

    @property
    def data_name(self) -> str:
        """Name of the data file in faults."""
        return f"{self.name}/{self.toml.file}"

    def fault(
        self,
        path: tuple[str, ...],
        *,
        kind: str,
        expected: str,
        found: str,
        advice: str,
        value: str | None = None,
    ) -> Fault:
        """Return a fault of a study.toml key, with the key's line."""
        return Fault(
            kind=kind,
            file=f"{self.name}/{STUDY_FILE}",
            line=line_of(self.text.decode("utf-8-sig"), path),
            column=".".join(path),
            value=value,
            expected=expected,
            found=found,
            advice=advice,
        )

    @property
    def columns(self) -> dict[str, str]:
        """Columns that the study uses, each with the dotted study.toml key that names it."""
        toml = self.toml
        named = {"unit.column": toml.unit.column}
        if toml.unit.label is not None:
            named["unit.label"] = toml.unit.label
        named |= {
            "period.column": toml.period.column,
            "outcome.column": toml.outcome.column,
            "treatment.column": toml.treatment.column,
        }
        named |= {f"controls.{place}": column for place, column in enumerate(toml.controls)}
        return {column: key for key, column in reversed(named.items())}

    @property
    def numbers(self) -> tuple[str, ...]:
        """Numeric columns: outcome, treatment, controls."""
        return (self.toml.outcome.column, self.toml.treatment.column, *self.toml.controls)

    @property
    def logged(self) -> set[str]:
        """Columns with a log transform."""
        variables = (self.toml.outcome, self.toml.treatment)
        return {variable.column for variable in variables if variable.transform == "log"}

    def card(self) -> StudyCard:
        """Return the study's description for the page."""
        toml = self.toml
        return StudyCard(
            name=self.name,
            title=toml.title,
            unit=Axis(column=toml.unit.column, noun=toml.unit.noun, plural=toml.unit.nouns),
            period=Axis(column=toml.period.column, noun=toml.period.noun, plural=toml.period.nouns),
            outcome=_as_read(toml.outcome),
            treatment=_as_read(toml.treatment),
            controls=tuple(toml.controls),
            what_if=WhatIf(
                **toml.what_if.change.model_dump(),
                negligible=toml.what_if.negligible,
                number=toml.what_if.number and NumberFormat(**toml.what_if.number.model_dump()),
            ),
            sign=toml.what_if.sign,
            together=toml.what_if.together,
            lags=toml.model.lags,
            source=toml.source,
        )


def _as_read(variable: VariableTable) -> Variable:
    said = variable.model_dump()
    if variable.transform == "standardised":
        said["units"] = STANDARD_DEVIATIONS
    return Variable(**said)


def study_folders(studies_dir: Path) -> tuple[Path, ...]:
    """Return the study folders of the studies directory, sorted by name.

    Hidden folders are skipped. Folders with invalid study names are included so that the fault is reported.
    """
    return tuple(
        sorted(path for path in studies_dir.iterdir() if path.is_dir() and not path.name.startswith("."))
    )


def is_study_name(name: str) -> bool:
    """Return True if a name is a valid study name: lowercase letters, digits and inner hyphens."""
    try:
        TypeAdapter(StudyName).validate_python(name)
    except ValidationError:
        return False
    return True


def title_of(folder: Path) -> str:
    """Return the study's title, or the folder's name if the title is unreadable; content never raises."""
    try:
        title = tomllib.loads((folder / STUDY_FILE).read_text(encoding="utf-8-sig")).get("title")
    except (OSError, ValueError):
        return folder.name
    return title.strip() if isinstance(title, str) and title.strip() else folder.name


def read_study(folder: Path) -> Study:
    """Read and check a study's study.toml.

    Parameters
    ----------
    folder
        Folder of the study; the folder's name is the study's name.

    Raises
    ------
    InvalidInput
        If the folder name or study.toml is invalid; contains every fault with its line and dotted key.
    """
    name = folder.name
    if not is_study_name(name):
        raise InvalidInput(
            [
                Fault(
                    kind="invalid_name",
                    file=name,
                    value=name,
                    expected="a folder name of lower case letters, digits and inner hyphens, at most 64",
                    found=f'"{name}"',
                    advice="Rename the folder.",
                )
            ]
        )
    file = f"{name}/{STUDY_FILE}"
    try:
        content = (folder / STUDY_FILE).read_bytes()
    except OSError as error:
        raise InvalidInput(
            [
                Fault(
                    kind="missing_file",
                    file=file,
                    expected="a readable file",
                    found=(error.strerror or str(error)).lower(),
                    advice="Add the file, or make it readable to everyone.",
                )
            ]
        ) from None
    parsed = _parse(content, file)
    try:
        toml = StudyToml.model_validate(parsed)
    except ValidationError as error:
        text = content.decode("utf-8-sig")
        raise InvalidInput(_schema_fault(fault, text, file) for fault in error.errors()) from None
    study = Study(name=name, folder=folder, toml=toml, text=content)
    faults = [*_form_faults(study), *_repeated_columns(study), *_what_if_faults(study)]
    faults += _relative_faults(study)
    if faults:
        raise InvalidInput(faults)
    return study


def _parse(content: bytes, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line, found = content[: error.start].count(b"\n") + 1, f"byte 0x{content[error.start]:02x}"
        expected, advice = "text in UTF-8", "Save the file as UTF-8."
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(error))
        found = str(error)[: place.start()] if place else str(error)
        line = int(place[1]) if place and place[1] else len(content.splitlines()) or 1
        expected, advice = "TOML", "Correct the line; text needs quotes and every bracket its partner."
    raise InvalidInput(
        [Fault(kind="malformed_toml", file=file, line=line, expected=expected, found=found, advice=advice)]
    )


def _schema_fault(error: ErrorDetails, text: str, file: str) -> Fault:
    path = tuple(str(part) for part in error["loc"])
    key, line = ".".join(path), line_of(text, path)
    if error["type"] == "extra_forbidden":
        siblings = _fields_at(path[:-1])
        return Fault(
            kind="unknown_key",
            file=file,
            line=line,
            column=key,
            value=path[-1],
            expected="a key that study.toml knows",
            found=f'the unknown key "{path[-1]}"',
            advice=suggest(path[-1], siblings),
        )
    if error["type"] == "missing":
        return Fault(
            kind="missing_key",
            file=file,
            line=line,
            column=key,
            expected=f'the key "{key}"',
            found="nothing",
            advice="Add the key.",
        )
    value = error["input"]
    message = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    if path == ("file",):
        message = "the plain name of a file in the study's folder"
    return Fault(
        kind="invalid_value",
        file=file,
        line=line,
        column=key,
        value=str(value)[:100],
        expected=message[0].lower() + message[1:],
        found=f'"{value}"'[:100] if isinstance(value, str) else str(value)[:100],
        advice="Change the value.",
    )


def _fields_at(path: tuple[str, ...]) -> list[str]:
    table: type[BaseModel] = StudyToml
    for part in path:
        annotation = table.model_fields[part].annotation
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        table = annotation
    return list(table.model_fields)


def _form_faults(study: Study) -> list[Fault]:
    if study.toml.file.lower().endswith(FORMS):
        return []
    return [
        study.fault(
            ("file",),
            kind="unknown_form",
            value=study.toml.file,
            expected=f"a file whose name ends in {', '.join(FORMS[:-1])} or {FORMS[-1]}",
            found=f'"{study.toml.file}"',
            advice="Save the data in one of these forms, under such a name.",
        )
    ]


def _repeated_columns(study: Study) -> list[Fault]:
    toml = study.toml
    roles = [
        (("unit", "column"), toml.unit.column),
        (("period", "column"), toml.period.column),
        (("outcome", "column"), toml.outcome.column),
        (("treatment", "column"), toml.treatment.column),
        *((("controls",), column) for column in toml.controls),
    ]
    first: dict[str, str] = {}
    faults = []
    for path, column in roles:
        if column in first:
            faults.append(
                study.fault(
                    path,
                    kind="repeated_column",
                    value=column,
                    expected=f"a column other than that of {first[column]}",
                    found=f'"{column}" again',
                    advice="Name each column once.",
                )
            )
        first.setdefault(column, ".".join(path))
    return faults


def _what_if_faults(study: Study) -> list[Fault]:
    change = study.toml.what_if.change
    rules = [
        (change.min < change.max, "min", change.min, f"a number below max ({change.max:g})"),
        (
            change.min <= change.default <= change.max,
            "default",
            change.default,
            f"a number from min ({change.min:g}) to max ({change.max:g})",
        ),
        (change.kind != "percent" or change.min > -100, "min", change.min, "a percentage above -100"),
    ]
    return [
        study.fault(
            ("what_if", "change", key),
            kind="invalid_range",
            value=f"{value:g}",
            expected=expected,
            found=f"{value:g}",
            advice="Change the value.",
        )
        for holds, key, value, expected in rules
        if not holds
    ]


def _relative_faults(study: Study) -> list[Fault]:
    # Standardized values are distances from the mean; they have no zero to which a percentage could refer.
    toml = study.toml
    asked = [
        (("what_if", "change", "kind"), toml.treatment, toml.what_if.change.kind == "percent"),
        (("what_if", "negligible"), toml.outcome, toml.what_if.negligible is not None),
    ]
    advice = {
        "kind": 'Set kind = "units", which then are standard deviations, or another transform.',
        "negligible": "Leave it out, or set another transform of the outcome.",
    }
    return [
        study.fault(
            path,
            kind="not_relative",
            value="percent",
            expected=f'a figure in units, as "{variable.column}" is standardised',
            found="a percentage",
            advice=advice[path[-1]],
        )
        for path, variable, is_asked in asked
        if is_asked and variable.transform == "standardised"
    ]
