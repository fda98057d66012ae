"""The command `init`: creation of a study from a data file."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from model_worker.commands.check import check
from model_worker.commands.lookups import Refused, find_folders
from model_worker.commands.report import report_faults, say
from model_worker.settings import read_settings
from model_worker.study.faults import InvalidInput


def init(
    file: Annotated[Path, Parameter(help="A table: CSV of any delimiter and encoding, gzip or Parquet.")],
    /,
    *,
    name: Annotated[str | None, Parameter(help="The study's name; by default the file's.")] = None,
    unit: Annotated[str | None, Parameter(help="The column that tells units apart.")] = None,
    label: Annotated[str | None, Parameter(help="The column with units' names for readers.")] = None,
    period: Annotated[str | None, Parameter(help="The column of periods.")] = None,
    outcome: Annotated[str | None, Parameter(help="The column of the outcome.")] = None,
    treatment: Annotated[str | None, Parameter(help="The column of the treatment.")] = None,
    control: Annotated[tuple[str, ...], Parameter(help="A column to take out; may be repeated.")] = (),
) -> int:
    """Make a study of a data file: propose the columns' roles, write study.toml, check it."""
    from model_worker.new_study.role_inference import NamedRoles
    from model_worker.new_study.study_folder import make_study

    settings = read_settings()
    find_folders(settings, ())
    asked = NamedRoles(unit, period, label, outcome, treatment, control)
    try:
        made = make_study(file, settings.studies_dir, name, asked)
    except InvalidInput as invalid:
        report_faults(invalid.faults)
        return 1
    except OSError as error:
        raise Refused(
            f"{settings.studies_dir}: the study cannot be written: {error.strerror}. In the stack the"
            " studies are read-only; `make study CSV=...` writes them."
        ) from None
    say("\n".join([f"{file.name}: {made.describe()[0]}", *made.describe()[1:]]))
    say(f"wrote {made.folder.name}/study.toml; look it over: each role has its reason, each option a comment")
    return check(made.folder.name)
