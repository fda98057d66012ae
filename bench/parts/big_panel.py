"""Panels of many rows: written to files, and read in a process of their own, which tells its peak memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, process_time

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

PERIODS = 50
SPOILED_EVERY = 7
"""In a faulty file, every so manieth outcome is one of the texts below."""
SPOILED = ["", "1 234", "nan", "-2"]
_UNITS_AT_ONCE = 2000

STUDY = """\
title = "Prices and sales of many firms"
file = "{file}"
unit = {{ column = "firm", noun = "firm" }}
period = {{ column = "year", noun = "year" }}
outcome = {{ column = "sales", label = "Sales", units = "US$", transform = "log" }}
treatment = {{ column = "price", label = "Price", units = "US$", transform = "log" }}

[what_if]
change = {{ kind = "percent", default = 1, min = -50, max = 100 }}

[model]
slopes = "common"
"""


def simulate(rows: int) -> Iterator[pa.Table]:
    """Simulate firms over 50 years with a slope of -0.5, some thousand firms at a time."""
    rng = np.random.default_rng(rows)
    units = rows // PERIODS
    years = np.arange(1970, 1970 + PERIODS)
    for start in range(0, units, _UNITS_AT_ONCE):
        count = min(_UNITS_AT_ONCE, units - start)
        price = rng.normal(size=(count, PERIODS))
        sales = 3 + rng.normal(size=(count, 1)) - 0.5 * price + 0.1 * rng.normal(size=price.shape)
        firms = pa.array([f"F{unit:06d}" for unit in range(start, start + count)])
        yield pa.table(
            {
                "firm": firms.take(pa.array(np.repeat(np.arange(count), PERIODS))),
                "year": np.tile(years, count),
                "sales": np.exp(sales).ravel().round(6),
                "price": np.exp(price).ravel().round(6),
            }
        )


def write_study(studies: Path, rows: int, form: str, *, faulty: bool = False) -> Path:
    """Write a study with a data file of so many rows; give its folder."""
    folder = studies / f"rows-{rows}-{form.replace('.', '')}{'-faulty' * faulty}"
    folder.mkdir(parents=True)
    (folder / "study.toml").write_text(STUDY.format(file=f"data{form}"))
    path = folder / f"data{form}"
    tables = simulate(rows)
    tables = map(_spoil, tables) if faulty else tables
    first = next(tables)
    if form == ".parquet":
        writer = pa.parquet.ParquetWriter(path, first.schema)
    else:
        options = pa.csv.WriteOptions(quoting_style="none")
        writer = pa.csv.CSVWriter(path, first.schema, write_options=options)
    with writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    return folder


def _spoil(table: pa.Table) -> pa.Table:
    sales = table["sales"].cast(pa.string()).to_pylist()
    for place, row in enumerate(range(0, len(sales), SPOILED_EVERY)):
        sales[row] = SPOILED[place % len(SPOILED)]
    return table.set_column(2, "sales", pa.array(sales))


def read_in_process(folder: Path, *, reduce: bool) -> dict[str, float]:
    """Read a study in a process of its own; give its seconds, peak memory in GiB and faults.

    `cpu_s` is of both processors and of the whole process; on a busy machine it says more than `s`.
    """
    command = [sys.executable, "-m", "parts.big_panel", str(folder), *["--reduce"] * reduce]
    done = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[1])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _peak_gib() -> float:
    # Not getrusage: what that tells includes the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 2**20


def main() -> None:
    """Read the study named on the command line; with --reduce, also reduce it to what the sampler needs."""
    from model_worker.data.data_file import read_data
    from model_worker.data.panel import make_panel, read_columns
    from model_worker.design.regression import make_design
    from model_worker.models.gaussian.likelihood import tabulate
    from model_worker.study.definition import read_study
    from model_worker.study.faults import InvalidInput

    started, faults = monotonic(), 0
    laps = {}
    try:
        study = read_study(Path(sys.argv[1]))
        columns = read_columns(study, read_data(study))
        panel = make_panel(study, columns)
        del columns
        laps["read_s"] = monotonic() - started
        if "--reduce" in sys.argv:
            design = make_design(study, panel)
            laps["design_s"] = monotonic() - started - laps["read_s"]
            tabulate(design.gaussian, autoregressive=True)
            laps["tabulate_s"] = monotonic() - started - laps["read_s"] - laps["design_s"]
    except InvalidInput as invalid:
        faults = len(invalid.faults)
    spent = {"s": monotonic() - started, "cpu_s": process_time()}
    print(json.dumps(laps | spent | {"gib": _peak_gib(), "faults": faults}))


if __name__ == "__main__":
    main()
