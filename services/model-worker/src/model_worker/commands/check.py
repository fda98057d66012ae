"""The command `check`: faults of the studies' files, and warnings."""

import sys
from typing import Annotated

from cyclopts import Parameter

from model_worker.commands.lookups import find_folders
from model_worker.commands.report import in_colour, report_as_json, report_faults, say, warning_line
from model_worker.settings import read_settings
from model_worker.study.faults import InvalidInput
from tracestore.manifest import Fault

AsJson = Annotated[bool, Parameter(help="Print faults and warnings as JSON, for programs.", negative="")]
StudyNames = Annotated[str, Parameter(help="Names of studies; all when none is given.")]


def check(*study: StudyNames, json: AsJson = False) -> int:
    """Print every fault of the studies' files, and warnings; exit with 1 when there is a fault."""
    from model_worker.design.data_warnings import find_data_warnings
    from model_worker.design.study_input import read_input

    settings = read_settings()
    faults: list[Fault] = []
    warnings: list[tuple[str, str]] = []
    for folder in find_folders(settings, study):
        try:
            given = read_input(folder, settings)
        except InvalidInput as invalid:
            faults += invalid.faults
            continue
        panel = given.panel
        found = find_data_warnings(given.study, panel, given.design)
        warnings += [(folder.name, warning) for warning in found]
        if not json:
            rows, units, periods = len(panel.outcome), len(panel.units), len(panel.periods)
            say(f"{folder.name}: no faults; {rows} rows, {units} units, {periods} periods")
            for warning in found:
                say(warning_line(folder.name, warning, colour=in_colour(sys.stdout)))
    if json:
        report_as_json(faults, warnings)
    else:
        report_faults(faults)
    return 1 if faults else 0
