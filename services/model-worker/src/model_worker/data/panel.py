"""A study's data file as a panel: units by periods, and every fault of the data found at once."""

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
    """The observed cells of a panel, one entry per row of the data, in the data's own units.

    A column that the study has standardised is in standard deviations from its mean over all rows.

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

    lag_step: int | None = None
    """From one lag to the next, in the periods' numbers: the step of the panel before rows that serve as
    lags alone were taken from it, which may be smaller than that of the rows left."""

    form: PeriodForm = "integer"
    """How the periods were written."""

    @property
    def period_labels(self) -> tuple[str, ...] | None:
        """The periods as a calendar writes them, where they are more than their numbers."""
        if self.form in ("integer", "year"):
            return None
        return tuple(label_period(number, self.form) for number in self.periods)

    @property
    def step(self) -> int:
        """From one step of the errors to the next, in the periods' numbers."""
        return step_of(np.asarray(self.periods, dtype=np.int64))

    def grid(self, values: Floats) -> Floats:
        """Spread values of the rows over (unit, period); NaN where nothing was observed."""
        grid = np.full((len(self.units), len(self.periods)), np.nan)
        grid[self.unit_index, self.period_index] = values
        return grid


def read_columns(study: Study, data: DataFile) -> Columns:
    """Read the columns that `make_panel` builds a panel from; the data are not needed for that any more.

    A file without faults is read by Arrow as a whole; one with faults, or one that Arrow might read
    otherwise, row by row, so that each fault is told with its line.

    Raises
    ------
    InvalidInput
        With every fault: columns that are not there, cells that are empty or not what their column
        needs, rows of one unit and period, units with two labels, a single unit or period.
    """
    columns = read_clean(study, data)
    return columns if columns is not None else read_by_row(study, data)


def read_clean(study: Study, data: DataFile) -> Columns | None:
    """Read a file that has no faults in its rows; give nothing where it has, or may have.

    Raises
    ------
    InvalidInput
        When the file is not readable at all.
    """
    if data.form == ".parquet":
        columns = ParquetData(study, data).read_clean()
    else:
        columns = read_clean_csv(study, data, inspect(data))
    if columns is None or "" in columns.unit.names or None in columns.period_numbers:
        return None
    return columns if hang_together(columns) else None


def read_by_row(study: Study, data: DataFile) -> Columns:
    """Read a file row by row, in runs, and check every row.

    Raises
    ------
    InvalidInput
        With the faults of the file's form if it has any, else with those of its cells and rows.
    """
    form, content = FaultCollector(), FaultCollector()
    runs = ParquetData(study, data).read_rows() if data.form == ".parquet" else read_rows(study, data, form)
    toml, room = study.toml, data.line_ends
    names = (toml.unit.column, toml.period.column, toml.unit.label or toml.unit.column)
    found, lines = Gathering(sorted(set(names)), study.numbers, room), Filling(np.uint32, room)
    check = CellCheck(study, data.name, content)
    count = 0
    for rows in runs:
        # Rows of a file whose form is wrong are not checked: a shifted cell would be told as wrong too.
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
    """Build the panel of columns without faults; unbalanced panels and gaps are fine."""
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
    """Give the values in the units that the study asks for: as they are, or in standard deviations."""
    if transform != "standardised":
        return values
    spread = float(values.std())
    # A constant is left for the design to refuse.
    return (values - values.mean()) / spread if spread else values


def _label_of(columns: Columns) -> list[str]:
    """Give each unit's label: the one it has in its rows, or its identifier where it has none."""
    unit, label = columns.unit, columns.label
    first = first_labelled(columns).tolist()
    return [unit.names[place] if row < 0 else label.text(row) for place, row in enumerate(first)]
