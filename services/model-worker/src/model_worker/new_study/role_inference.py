"""Inference of column roles in an unknown table: unit, period, outcome and treatment."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_worker.study.faults import InvalidInput, suggest, tell_columns
from model_worker.study.periods import PeriodForm, form_of_periods
from model_worker.study.read_options import ReadOptions
from tracestore.manifest import Fault, Transform

Floats = NDArray[np.float64]

PERIOD_NAMES = "year jahr annee ano anno quarter month date day week period time wave round"
UNIT_NAMES = "id code unit state country region county city firm company person individual patient school"
TREATMENT_NAMES = "treatment treated treat tax price rate policy law dose exposure wage x"
OUTCOME_NAMES = "outcome sales spending expenditure cost deaths mortality invest output income per y"
TOTAL_NAMES = "total number count usd musd eur amount sales gross"

WIDE = re.compile(r"(?:(.*?)[ _.:-]*)?([0-9]{4}(?:[-/ ]?[QqMm]?[0-9]{1,2})?)")
"""Pattern of column names that are periods, alone or after the name of a measure: 2005, sales_2005Q1."""

_YEARS = range(1500, 2200)
_RATIO_FOR_LOG = 2.0


@dataclass(frozen=True)
class NamedRoles:
    """Columns that the caller assigns to roles; None for a role to infer."""

    unit: str | None = None
    period: str | None = None
    label: str | None = None
    outcome: str | None = None
    treatment: str | None = None
    controls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Column chosen for a role, with the reason."""

    column: str
    reason: str


@dataclass(frozen=True)
class Measure:
    """Numeric column chosen for a role, with the reason, the transform and a summary of the values."""

    column: str
    reason: str
    transform: Transform
    lowest: float
    highest: float
    spread: float

    @property
    def is_binary(self) -> bool:
        """True if the values run from 0 to 1 and have no transform."""
        return (self.lowest, self.highest) == (0.0, 1.0) and self.transform == "identity"


@dataclass(frozen=True)
class InferredRoles:
    """Roles of a table's columns; `others` lists the numeric columns without a role."""

    unit: Choice
    period: Choice
    form: PeriodForm
    label: Choice | None
    outcome: Measure
    treatment: Measure
    controls: tuple[str, ...]
    others: tuple[str, ...]
    adds_up: bool


def infer_roles(
    columns: Mapping[str, Sequence[str]], read_options: ReadOptions, asked: NamedRoles, file: str
) -> InferredRoles:
    """Infer the roles of a table's columns.

    Unit and period together identify each row. A period is a number or a calendar date, and a unit repeats
    over periods. Column names decide between candidates first, then column order.

    Raises
    ------
    InvalidInput
        If a requested column does not exist, or no column fits one of the roles.
    """
    _require_known(columns, asked, file)
    unit, period, form = _key(columns, asked, file)
    label = _label(columns, asked, unit, period)
    taken = {unit.column, period.column, label.column if label else "", *asked.controls}
    numbers = {
        name: values for name in columns if (values := _numbers(columns[name], read_options)) is not None
    }
    free = [name for name in numbers if name not in taken and np.ptp(numbers[name]) > 0]
    outcome, treatment = _measures(columns, numbers, free, asked, file)
    return InferredRoles(
        unit=unit,
        period=period,
        form=form,
        label=label,
        outcome=outcome,
        treatment=treatment,
        controls=asked.controls,
        others=tuple(name for name in free if name not in (outcome.column, treatment.column)),
        adds_up=_hint(outcome.column, TOTAL_NAMES) and not _hint(outcome.column, "per rate share percent"),
    )


def _key(
    columns: Mapping[str, Sequence[str]], asked: NamedRoles, file: str
) -> tuple[Choice, Choice, PeriodForm]:
    periods: list[tuple[float, str, PeriodForm]] = []
    for name in [asked.period] if asked.period else columns:
        form = form_of_periods([text for text in set(columns[name]) if text] or ["no text"])
        if form is not None:
            periods.append((_period_score(name, columns[name], form), name, form))
    wide = _named_as_periods(columns)
    if len(wide) > 1 and not asked.period and not any(score > 0 for score, *_ in periods):
        raise InvalidInput([_wide(wide, file)])
    if not periods:
        raise InvalidInput([_no_period(columns, asked, file)])
    # Any integer column could be the period, but a column named or written as a period takes precedence.
    periods = [found for found in periods if found[0] > 0] or periods
    keys: list[tuple[float, int, str, str, PeriodForm]] = []
    for score, period, form in periods:
        for place, unit in enumerate([asked.unit] if asked.unit else columns):
            if unit != period and _is_key(columns[unit], columns[period]):
                keys.append((score + _unit_score(unit, columns[unit]), -place, unit, period, form))
    if not keys:
        raise InvalidInput([_no_unit(columns, asked, max(periods)[1], file)])
    _, _, unit, period, form = max(keys)
    many, times = len(set(columns[unit])), len(set(columns[period]))
    why_unit = f"its {many} values name each row once, together with the period"
    why_period = f"its {times} values are {'whole numbers' if form == 'integer' else form + 's'} and repeat"
    return (
        Choice(unit, "as asked" if asked.unit else why_unit),
        Choice(period, "as asked" if asked.period else why_period),
        form,
    )


def _is_key(unit: Sequence[str], period: Sequence[str]) -> bool:
    pairs = [pair for pair in zip(unit, period, strict=True) if all(pair)]
    units, periods = len({pair[0] for pair in pairs}), len({pair[1] for pair in pairs})
    # A few duplicate rows are a fault to report, not a reason to choose another column.
    distinct = len(set(pairs)) >= 0.98 * len(pairs)
    return distinct and units > 1 and periods > 1 and len(pairs) >= 1.5 * units


def _period_score(name: str, texts: Sequence[str], form: PeriodForm) -> float:
    dated = form in ("quarter", "month", "date")
    years = form == "year" and all(int(text) in _YEARS for text in set(texts) if text)
    return 4.0 * _hint(name, PERIOD_NAMES) + 3.0 * dated + 2.0 * years - (form == "integer")


def _unit_score(name: str, texts: Sequence[str]) -> float:
    different = {text for text in texts if text}
    wordy = sum(not re.fullmatch(r"[-+.,\d\s]+", text) for text in different) / max(1, len(different))
    # Codes are shorter than labels; a column of long texts is more likely the label of another column.
    length = sum(map(len, different)) / max(1, len(different))
    whole = all(text.isdigit() for text in different)
    return 2.0 * wordy + 2.0 * _hint(name, UNIT_NAMES) + whole - 0.02 * length


def _label(
    columns: Mapping[str, Sequence[str]], asked: NamedRoles, unit: Choice, period: Choice
) -> Choice | None:
    if asked.label:
        return Choice(asked.label, "as asked")
    units = columns[unit.column]
    different = len(set(units))
    for name, texts in columns.items():
        if name in (unit.column, period.column) or form_of_periods(list(set(texts))) is not None:
            continue
        pairs = set(zip(units, texts, strict=True))
        if len(pairs) == different and len(set(texts)) == different and not _all_numbers(texts):
            return Choice(name, f"it has one text for each value of {unit.column}")
    return None


def _measures(
    columns: Mapping[str, Sequence[str]],
    numbers: Mapping[str, Floats],
    free: list[str],
    asked: NamedRoles,
    file: str,
) -> tuple[Measure, Measure]:
    faults = [
        _no_numbers(file, role, column, columns[column])
        for role, column in (("outcome", asked.outcome), ("treatment", asked.treatment))
        if column and column not in numbers
    ]
    candidates = [name for name in free if name not in (asked.outcome, asked.treatment)]
    missing = (not asked.outcome) + (not asked.treatment)
    if len(candidates) < missing and not faults:
        role = "outcome" if not asked.outcome else "treatment"
        faults.append(_none_left(file, role, candidates))
    if faults:
        raise InvalidInput(faults)
    outcome, why_outcome = asked.outcome, "as asked"
    treatment, why_treatment = asked.treatment, "as asked"
    if treatment is None:
        ranked = [name for name in candidates if _hint(name, TREATMENT_NAMES)]
        open_to = [name for name in candidates if name not in ranked or asked.outcome]
        if ranked and (asked.outcome or open_to):
            treatment, why_treatment = ranked[0], "its name is that of something one sets"
    if outcome is None:
        left = [name for name in candidates if name != treatment]
        named = [name for name in left if _hint(name, OUTCOME_NAMES)]
        outcome = (named or left)[0]
        why_outcome = "its name is that of a result" if named else "it is the first column of numbers left"
    if treatment is None:
        treatment = next(name for name in candidates if name != outcome)
        why_treatment = "it is the next column of numbers"
    return (
        _measure(outcome, why_outcome, numbers[outcome]),
        _measure(treatment, why_treatment, numbers[treatment]),
    )


def _measure(column: str, reason: str, values: Floats) -> Measure:
    low, high = float(values.min()), float(values.max())
    logged = low > 0 and high / low >= _RATIO_FOR_LOG
    why = (
        f"its logarithm, as it is above zero and spans a factor of {high / low:.3g}" if logged else "as it is"
    )
    transform: Transform = "log" if logged else "identity"
    return Measure(column, f"{reason}; {why}", transform, low, high, float(values.std()))


def _numbers(texts: Sequence[str], read_options: ReadOptions) -> Floats | None:
    """Return the numbers of a mostly numeric column, else None; the study check reports other cells."""
    plain = [read_options.plain(text) for text in texts if text]
    values = [float(text) for text in plain if text is not None]
    if not values or len(values) < 0.9 * len(plain):
        return None
    return np.array([value for value in values if abs(value) < 1e100] or [0.0])


def _all_numbers(texts: Sequence[str]) -> bool:
    return all(re.fullmatch(r"[-+.,\d\s]*", text) for text in set(texts))


def _hint(name: str, names: str) -> bool:
    words = {word for word in re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()) if word}
    return bool(words & set(names.split()))


def _require_known(columns: Mapping[str, Sequence[str]], asked: NamedRoles, file: str) -> None:
    named = [asked.unit, asked.period, asked.label, asked.outcome, asked.treatment, *asked.controls]
    faults = [
        Fault(
            kind="missing_column",
            file=file,
            line=1,
            column=name,
            value=name,
            expected=f'the column "{name}", as asked',
            found=tell_columns(columns),
            advice=suggest(name, list(columns)),
        )
        for name in named
        if name is not None and name not in columns
    ]
    if faults:
        raise InvalidInput(faults)


def _named_as_periods(columns: Mapping[str, Sequence[str]]) -> list[str]:
    matches = ((name, WIDE.fullmatch(name)) for name in columns)
    return [name for name, match in matches if match and form_of_periods([match[2]]) not in (None, "integer")]


def _wide(wide: Sequence[str], file: str) -> Fault:
    return Fault(
        kind="wide_layout",
        file=file,
        line=1,
        value=", ".join(wide[:5]),
        expected="one row for each unit and period, with the period in a column",
        found=f"{len(wide)} columns named as periods, {wide[0]} to {wide[-1]}",
        advice="Convert it first: make reshape CSV=FILE TO=LONG.csv (model-worker reshape FILE LONG.csv).",
    )


def _no_period(columns: Mapping[str, Sequence[str]], asked: NamedRoles, file: str) -> Fault:
    return Fault(
        kind="no_period",
        file=file,
        line=1,
        column=asked.period,
        expected="a column of years, quarters (2005Q1), months (2005-03), dates or whole numbers",
        found=tell_columns(columns),
        advice="Name the column with --period, and see that each of its cells is a period.",
    )


def _no_unit(columns: Mapping[str, Sequence[str]], asked: NamedRoles, period: str, file: str) -> Fault:
    return Fault(
        kind="no_unit",
        file=file,
        line=1,
        column=asked.unit,
        expected=f'a column that names each row once, together with "{asked.period or period}"',
        found=tell_columns(columns),
        advice="Name unit and period with --unit and --period; a panel has one row for each of their pairs.",
    )


def _no_numbers(file: str, role: str, column: str, texts: Sequence[str]) -> Fault:
    return Fault(
        kind=f"no_{role}",
        file=file,
        line=1,
        column=column,
        value=texts[0][:100] if texts else None,
        expected=f"a column of numbers for the {role}",
        found=f'"{texts[0][:100]}" in it' if texts else "an empty column",
        advice="Name another column.",
    )


def _none_left(file: str, role: str, left: Sequence[str]) -> Fault:
    return Fault(
        kind=f"no_{role}",
        file=file,
        line=1,
        expected="two columns of numbers beside unit and period, outcome and treatment",
        found=f"the column {left[0]} alone" if left else "none",
        advice=f"Add the {role} to the file, or name the columns with --outcome and --treatment.",
    )
