"""The commands `reshape` and `import`: conversion of a table to one row for each unit and period."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from model_worker.commands.lookups import Refused
from model_worker.commands.report import report_faults, say
from model_worker.study.faults import InvalidInput
from model_worker.study.plurals import count_of

if TYPE_CHECKING:
    from model_worker.new_study.csv_sniffing import Sample
    from model_worker.new_study.importers import Table


def reshape(
    file: Annotated[Path, Parameter(help="A table with periods as columns, in any form that init reads.")],
    to: Annotated[Path, Parameter(help="The CSV to write.")],
    /,
    *,
    value: Annotated[str, Parameter(help="The name of the new column of values.")] = "value",
    period: Annotated[str, Parameter(help="The name of the new column of periods.")] = "period",
) -> int:
    """Make a table with periods as columns one with a row for each unit and period."""
    from model_worker.new_study import importers

    return _write_converted(file, to, lambda sample: importers.reshape_wide(sample, file.name, value, period))


def import_download(
    source: Annotated[Literal["cdc-sae", "cdc-tax-burden"], Parameter(help="Which download it is.")],
    file: Annotated[Path, Parameter(help="The download, as it is.")],
    to: Annotated[Path, Parameter(help="The CSV to write.")],
    /,
) -> int:
    """Make a download with one row for each figure one with a row for each state and year."""
    from model_worker.new_study import importers

    return _write_converted(file, to, lambda sample: importers.import_long(sample, file.name, source))


def _write_converted(file: Path, to: Path, make: "Callable[[Sample], Table]") -> int:
    from model_worker.new_study.csv_sniffing import sniff

    try:
        content = file.read_bytes()
        table = make(sniff(content, file.name, whole=True))
        to.write_text(table.to_csv(), encoding="utf-8", newline="")
    except OSError as error:
        raise Refused(f"{error.filename}: {error.strerror}") from None
    except InvalidInput as invalid:
        report_faults(invalid.faults)
        return 1
    say(f"{to}: {count_of(len(table.rows), 'row')}; columns {', '.join(table.header)}")
    for left_out in table.left_out:
        say(f"left out: {left_out}")
    return 0
