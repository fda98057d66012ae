"""Panel of units by periods from a study's data file, with all faults of the data reported at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_worker.data.cells import CellCheck
from model_worker.data.clean_csv import read_clean_csv
from model_worker.data.columns import Columns, Filling, Gathering, is_too_diverse
from model_worker.data.csv_bytes import inspect
from model_worker.data.data_file import DataFile
from model_worker.data.fault_collector import FaultCollector
from model_worker.data.parquet import ParquetData
from model_worker.data.row_order import step_of
from model_worker.data.rows import RowCheck, first_labelled, hang_together, too_many_texts
from model_worker.data.table import read_rows
from model_worker.study.definition import Study
from model_worker.study.faults import InvalidInput
from model_worker.study.periods import PeriodForm, label_period
from tracestore.manifest import Transform, Unit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Panel:
    """Observed cells of a panel, one entry per row of the data, in the data's own units.

    A standardized column is in standard deviations from its mean over all rows.

    `unit_index` and `period_index` index into `units` (sorted by identifier) and `periods` (ascending).
    `outcome` and `treatment` have shape (rows,), and `controls` has shape (rows, controls).
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
    """Treatment (rows, lags) at each lag from one step on; None if the study requests no lags."""

    lag_step: int | None = None
    """Distance between lags in period numbers: the panel's step before the removal of rows that serve only
    as lags. The step of the remaining rows may be larger."""

    form: PeriodForm = "integer"
    """Written form of the periods."""

    @property
    def period_labels(self) -> tuple[str, ...] | None:
        """Calendar labels of the periods; None if each label would be the period's number."""
        if self.form in ("integer", "year"):
            return None
        return tuple(label_period(number, self.form) for number in self.periods)

    @property
    def step(self) -> int:
        """Distance between consecutive steps of the errors, in period numbers."""
        return step_of(np.asarray(self.periods, dtype=np.int64))

    def grid(self, values: Floats) -> Floats:
        """Return the values of the rows as an array (unit, period), with NaN in unobserved cells."""
        grid = np.full((len(self.units), len(self.periods)), np.nan)
        grid[self.unit_index, self.period_index] = values
        return grid


def read_columns(study: Study, data: DataFile) -> Columns:
    """Read the columns from which `make_panel` builds a panel without further use of the data.

    Arrow reads a file without faults as a whole. A file with faults, or one that Arrow might read
    differently, is read row by row, so that each fault is reported with its line.

    Raises
    ------
    InvalidInput
        If there are faults; contains all of them: missing columns, empty or invalid cells, several rows
        of one unit and period, units with two labels, a single unit or period.
    """
    columns = read_clean(study, data)
    return columns if columns is not None else read_by_row(study, data)


def read_clean(study: Study, data: DataFile) -> Columns | None:
    """Read a file without faults in its rows, or return None if there are or may be faults.

    Raises
    ------
    InvalidInput
        If the file cannot be read at all.
    """
    if data.form == ".parquet":
        columns = ParquetData(study, data).read_clean()
    else:
        columns = read_clean_csv(study, data, inspect(data))
    if columns is None or "" in columns.unit.names or None in columns.period_numbers:
        return None
    return columns if hang_together(columns) else None


def read_by_row(study: Study, data: DataFile) -> Columns:
    """Read a file row by row, in batches, and check every row.

    Raises
    ------
    InvalidInput
        If there are faults; contains the faults of the file's form, or else those of its cells and rows.
    """
    form, content = FaultCollector(), FaultCollector()
    runs = ParquetData(study, data).read_rows() if data.form == ".parquet" else read_rows(study, data, form)
    toml, room = study.toml, data.line_ends
    names = (toml.unit.column, toml.period.column, toml.unit.label or toml.unit.column)
    found, lines = Gathering(sorted(set(names)), study.numbers, room), Filling(np.uint32, room)
    check = CellCheck(study, data.name, content)
    count = 0
    for rows in runs:
        # Rows of a malformed file are not checked: shifted cells would be reported as invalid too.
        if form:
            continue
        count += len(rows.lines)
        lines.extend(np.asarray(rows.lines))
        for column in found.texts:
            found.take_texts(column, rows.cells[column])
        for column, values in check.check(rows).items():
            found.take_numbers(column, values)
        if content:
            found.drop_numbers()
        diverse = [column for column in found.texts if is_too_diverse(found.count(column), count)]
        if diverse:
            content.add(too_many_texts(study, data.name, column, count) for column in diverse)
            break
    if form:
        raise InvalidInput(form.faults())
    columns = found.finish(*names, toml.period.form)
    RowCheck(study, data.name, columns, lines.finish(), content).check()
    if content:
        raise InvalidInput(content.faults())
    return columns


def make_panel(study: Study, columns: Columns) -> Panel:
    """Build the panel from columns without faults; unbalanced panels and gaps are allowed."""
    toml, unit, label = study.toml, columns.unit, columns.label
    order = sorted(range(len(unit.names)), key=unit.names.__getitem__)
    labels = unit.names if label is unit else _label_of(columns)
    values = np.array([value or 0 for value in columns.period_numbers], dtype=np.int64)
    periods, period_places = np.unique(values, return_inverse=True)
    numbers = columns.numbers
    controls = [numbers[name] for name in toml.controls]
    return Panel(
        units=tuple(Unit(id=unit.names[place], label=labels[place]) for place in order),
        periods=tuple(int(value) for value in periods),
        unit_index=np.argsort(np.array(order))[unit.codes],
        period_index=period_places[columns.period.codes],
        outcome=_in_its_units(numbers[toml.outcome.column], toml.outcome.transform),
        treatment=_in_its_units(numbers[toml.treatment.column], toml.treatment.transform),
        controls=np.column_stack([np.empty((len(unit.codes), 0)), *controls]),
        control_names=tuple(toml.controls),
        form=columns.form,
    )


def _in_its_units(values: Floats, transform: Transform) -> Floats:
    """Return the values in the requested units: unchanged, or in standard deviations."""
    if transform != "standardised":
        return values
    spread = float(values.std())
    # The design rejects a constant column.
    return (values - values.mean()) / spread if spread else values


def _label_of(columns: Columns) -> list[str]:
    """Return the label of each unit from its rows, or the unit's identifier if its rows have no label."""
    unit, label = columns.unit, columns.label
    first = first_labelled(columns).tolist()
    return [unit.names[place] if row < 0 else label.text(row) for place, row in enumerate(first)]
