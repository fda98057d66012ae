"""Importers that convert wide tables and two CDC downloads to one row for each unit and period."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from model_worker.new_study.csv_sniffing import Sample
from model_worker.new_study.role_inference import WIDE
from model_worker.study.faults import InvalidInput, suggest, tell_columns
from model_worker.study.periods import form_of_periods
from model_worker.study.plurals import count_of
from model_worker.study.read_options import ReadOptions
from tracestore.manifest import Fault

Source = Literal["cdc-sae", "cdc-tax-burden"]

NATIONAL = ("US", "USA", "National")
"""Names of national rows, which are sums or means of the other rows and not units."""


@dataclass(frozen=True)
class LongTable:
    """Layout of a CDC download with one row for each figure, and the column names of its measures."""

    measure: str
    measures: Mapping[str, str]


LONG_TABLES: dict[Source, LongTable] = {
    "cdc-sae": LongTable(
        "Variable",
        {
            "Ambulatory": "ambulatory_musd",
            "Hospital": "hospital_musd",
            "Nursing Home": "nursing_home_musd",
            "Prescription Drugs": "prescription_drugs_musd",
            "Other": "other_musd",
            "Total": "total_musd",
        },
    ),
    "cdc-tax-burden": LongTable(
        "SubMeasureDesc",
        {
            "State Tax per pack": "state_tax_usd",
            "Federal and State tax per pack": "federal_and_state_tax_usd",
            "Average Cost per pack": "price_usd",
            "Cigarette Consumption (Pack Sales Per Capita)": "packs_per_capita",
            "Gross Cigarette Tax Revenue": "gross_state_tax_revenue_usd",
        },
    ),
}


@dataclass(frozen=True)
class Table:
    """Table as text, with descriptions of the omitted rows."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left_out: Sequence[str] = ()

    def to_csv(self) -> str:
        """Return the table as CSV with commas."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([self.header, *self.rows])
        return text.getvalue()


def reshape_wide(sample: Sample, file: str, value: str, period: str) -> Table:
    """Convert columns named after periods, such as ``2005`` or ``sales_2005``, to rows.

    Parameters
    ----------
    sample
        All rows of the wide table.
    value
        Name of the value column if the column names are periods alone.
    period
        Name of the period column.

    Raises
    ------
    InvalidInput
        If fewer than two columns are named as periods of one form, or a new name is already taken.
    """
    wide: dict[tuple[str, str], str] = {}
    for name in sample.columns:
        match = WIDE.fullmatch(name)
        if match and form_of_periods([match[2]]) is not None:
            wide[match[1] or value, match[2]] = name
    periods = list(dict.fromkeys(at for _, at in wide))
    values = list(dict.fromkeys(name for name, _ in wide))
    if len(periods) < 2 or form_of_periods(periods) is None:
        raise InvalidInput([_not_wide(sample, file)])
    kept = [name for name in sample.columns if name not in wide.values()]
    taken = [name for name in (period, *values) if name in kept]
    if taken:
        raise InvalidInput(_name_taken(name, file) for name in taken)
    rows = []
    empty = 0
    for place in range(sample.rows):
        own = [sample.columns[name][place] for name in kept]
        for at in periods:
            cells = [
                _plain_cell(sample.columns[wide[name, at]][place], sample.read_options)
                if (name, at) in wide
                else ""
                for name in values
            ]
            if any(cells):
                rows.append([*own, at, *cells])
            else:
                empty += 1
    left = [count_of(empty, "empty cell")] if empty else []
    return Table([*kept, period, *values], rows, left)


def import_long(sample: Sample, file: str, source: Source) -> Table:
    """Convert a download with one row for each figure to one row for each state and year.

    National rows, cells without a figure ("No Provision", a footnote alone) and states and years without any
    figure are omitted.

    Raises
    ------
    InvalidInput
        If a column or all measures of the layout are missing, or a measure has two different figures.
    """
    layout = LONG_TABLES[source]
    needed = ("Year", "LocationAbbr", "LocationDesc", layout.measure, "Data_Value")
    found = {re.sub(r"[^a-z]", "", name.lower()): name for name in sample.columns}
    names = {name: found.get(re.sub(r"[^a-z]", "", name.lower())) for name in needed}
    faults = [_no_column(name, sample, file) for name, there in names.items() if there is None]
    if faults:
        raise InvalidInput(faults)
    columns = [sample.columns[there] for there in names.values() if there is not None]
    figures: dict[tuple[str, str, str], dict[str, str]] = {}
    national, texts = 0, dict[str, int]()
    measures = {" ".join(name.lower().split()): short for name, short in layout.measures.items()}
    for line, (year, code, state, measure, value) in enumerate(zip(*columns, strict=True), start=2):
        short = measures.get(" ".join(measure.lower().split()))
        if short is None:
            continue
        if code in NATIONAL or state in NATIONAL:
            national += 1
            continue
        figure = ReadOptions(thousands=",").plain(value.strip('" ').lstrip("$ ").rstrip("*† "))
        if figure is None:
            texts[value] = texts.get(value, 0) + 1
            continue
        cell = figures.setdefault((code, state, year), {})
        if cell.setdefault(short, figure) != figure:
            faults.append(_conflict(file, line, code, year, short, cell[short], figure))
    if not figures:
        raise InvalidInput([_no_measures(layout, file, sample)])
    if faults:
        raise InvalidInput(faults)
    there = [short for short in layout.measures.values() if any(short in cell for cell in figures.values())]
    rows = [[*key, *(cell.get(short, "") for short in there)] for key, cell in sorted(figures.items())]
    left = [count_of(national, "national row")] if national else []
    left += [f'{count_of(times, "figure")} "{text}"' for text, times in texts.items()]
    return Table(["state", "state_name", "year", *there], rows, left)


def _plain_cell(text: str, read_options: ReadOptions) -> str:
    plain = read_options.plain(text)
    return text if plain is None else plain


def _not_wide(sample: Sample, file: str) -> Fault:
    return Fault(
        kind="not_wide",
        file=file,
        line=1,
        expected="columns named as periods of one form: 2005, 2005Q1, 2005-03, or sales_2005",
        found=tell_columns(sample.columns),
        advice="A table that has its periods in a column needs no reshaping: model-worker init FILE.",
    )


def _name_taken(name: str, file: str) -> Fault:
    return Fault(
        kind="repeated_column",
        file=file,
        line=1,
        column=name,
        expected=f'no column "{name}", as a new one is to have this name',
        found=f'the column "{name}"',
        advice="Give other names with --value and --period.",
    )


def _no_column(name: str, sample: Sample, file: str) -> Fault:
    return Fault(
        kind="unknown_layout",
        file=file,
        line=1,
        column=name,
        expected=f'the column "{name}" of the download',
        found=tell_columns(sample.columns),
        advice=suggest(name, list(sample.columns)),
    )


def _no_measures(layout: LongTable, file: str, sample: Sample) -> Fault:
    return Fault(
        kind="no_measures",
        file=file,
        column=layout.measure,
        expected=f"figures of one of the measures {', '.join(layout.measures)}",
        found=_few(next(texts for name, texts in sample.columns.items() if _same(name, layout.measure))),
        advice="Take the whole download, or another layout's name.",
    )


def _same(name: str, other: str) -> bool:
    return re.sub(r"[^a-z]", "", name.lower()) == re.sub(r"[^a-z]", "", other.lower())


def _few(texts: Iterable[str]) -> str:
    different = list(dict.fromkeys(texts))
    return ", ".join(f'"{text}"' for text in different[:5])[:200] or "no rows"


def _conflict(file: str, line: int, unit: str, period: str, column: str, first: str, second: str) -> Fault:
    return Fault(
        kind="conflicting_figures",
        file=file,
        line=line,
        column=column,
        unit=unit,
        period=period,
        value=second,
        expected=f"{first}, as in an earlier row",
        found=second,
        advice="Delete one of the two rows.",
    )
