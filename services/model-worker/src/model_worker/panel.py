"""A study's CSV as a panel: units by periods, and every fault of the data found at once."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from model_worker import cells
from model_worker.faults import InvalidInput, suggest
from model_worker.study import Study
from model_worker.table import Table, read_table
from tracestore.manifest import Fault, Unit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """The observed cells of a panel, one entry per row of the data, in the data's own units.

    `unit_index` and `period_index` point into `units` (sorted by identifier) and `periods` (ascending);
    `outcome`, `treatment` have shape (rows,), `controls` (rows, controls).
    """

    units: tuple[Unit, ...]
    periods: tuple[int, ...]
    unit_index: Integers
    period_index: Integers
    outcome: Floats
    treatment: Floats
    controls: Floats
    control_names: tuple[str, ...]
    lagged: Floats | None = None
    """The treatment (rows, lags) at each lag from one step on, where the study asks for lags."""

    def grid(self, values: Floats) -> Floats:
        """Spread values of the rows over (unit, period); NaN where nothing was observed."""
        grid = np.full((len(self.units), len(self.periods)), np.nan)
        grid[self.unit_index, self.period_index] = values
        return grid


def read_data(study: Study) -> bytes:
    """Read the study's CSV as bytes.

    Raises
    ------
    InvalidInput
        When there is no such file, or it may not be read.
    """
    try:
        return study.data_path.read_bytes()
    except OSError as error:
        others = sorted(path.name for path in study.folder.glob("*.csv"))
        fault = Fault(
            kind="missing_file",
            file=f"{study.name}/{study.toml.file}",
            expected="the file that study.toml names",
            found=(error.strerror or str(error)).lower(),
            advice=suggest(study.toml.file, others) if others else "Add the file, or correct `file`.",
        )
        raise InvalidInput([fault]) from None


def read_panel(study: Study, content: bytes) -> Panel:
    """Make the panel of a study from its CSV's bytes.

    Unbalanced panels and gaps are fine. Whether the panel identifies the slope is for
    `model_worker.design` to say.

    Raises
    ------
    InvalidInput
        With every fault: columns that are not there, cells that are empty or not what their column
        needs, rows of one unit and period, units with two labels, a single unit or period.
    """
    file = f"{study.name}/{study.toml.file}"
    table = read_table(content, file)
    missing = _missing_columns(study, table)
    if missing:
        raise InvalidInput(missing)
    return _panel(study, table)


def _missing_columns(study: Study, table: Table) -> list[Fault]:
    header = [str(name) for name in table.columns.columns]
    separator = next((name for name in (";", "\t", "|") if len(header) == 1 and name in header[0]), None)
    if separator:
        advice = f"The cells seem to be separated by {separator!r}; save the file with commas."
        return [
            Fault(
                kind="unreadable",
                file=table.file,
                line=1,
                value=header[0][:100],
                expected="cells separated by commas",
                found="one column",
                advice=advice,
            )
        ]
    return [
        Fault(
            kind="missing_column",
            file=table.file,
            line=1,
            column=column,
            value=column,
            expected=f'the column "{column}", which study.toml names in {key}',
            found=f"the columns {', '.join(header)}",
            advice=suggest(column, header),
        )
        for column, key in study.columns.items()
        if column not in header
    ]


def _panel(study: Study, table: Table) -> Panel:
    toml = study.toml
    logged = {variable.column for variable in (toml.outcome, toml.treatment) if variable.transform == "log"}
    unit, period = table.columns[toml.unit.column], table.columns[toml.period.column]
    place = cells.Place(table.file, unit, period)
    faults = cells.empty(unit, place)
    periods, found = cells.read_integers(period, place)
    faults += found
    numbers: dict[str, Floats] = {}
    for column in (toml.outcome.column, toml.treatment.column, *toml.controls):
        numbers[column], found = cells.read_numbers(table.columns[column], place, positive=column in logged)
        faults += found
    faults += cells.repeated_rows(place)
    labels = table.columns[toml.unit.label] if toml.unit.label is not None else unit
    faults += cells.label_conflicts(labels, place)
    faults += cells.single(unit, place, toml.unit.noun, "unit")
    faults += cells.single(period, place, toml.period.noun, "period")
    if faults:
        raise InvalidInput(sorted(faults, key=lambda fault: fault.line or 0))
    unit_names, unit_index = np.unique(unit.to_numpy(dtype=str), return_inverse=True)
    period_names, period_index = np.unique(periods, return_inverse=True)
    given = pd.Series(labels.to_numpy(), index=unit.to_numpy())
    named = given[given != ""].groupby(level=0).first()
    return Panel(
        units=tuple(Unit(id=str(name), label=str(named.get(name, name))) for name in unit_names),
        periods=tuple(int(value) for value in period_names),
        unit_index=unit_index.astype(np.int64),
        period_index=period_index.astype(np.int64),
        outcome=numbers[toml.outcome.column],
        treatment=numbers[toml.treatment.column],
        controls=np.column_stack([np.empty((len(unit), 0)), *(numbers[name] for name in toml.controls)]),
        control_names=tuple(toml.controls),
    )
