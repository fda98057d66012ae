"""Complete input of a study: read once, fully checked and named by its identity."""

from dataclasses import dataclass
from pathlib import Path

from model_worker.data.data_file import read_data
from model_worker.data.lags import take_lags
from model_worker.data.panel import Panel, make_panel, read_columns
from model_worker.design.memory_limits import require_memory
from model_worker.design.regression import Design, make_design
from model_worker.settings import Settings
from model_worker.study.definition import Study, read_study
from model_worker.study.identity import identify
from tracestore.manifest import Identity


@dataclass(frozen=True)
class StudyInput:
    """Input of a fit; the identity covers exactly the bytes that panel and design were built from."""

    study: Study
    panel: Panel
    design: Design
    identity: Identity


def read_input(folder: Path, settings: Settings) -> StudyInput:
    """Read and check a study's folder.

    Raises
    ------
    InvalidInput
        With all faults of the first stage that fails: study.toml, the cells of the data, or the panel,
        including its size.
    """
    study = read_study(folder)
    data = read_data(study)
    columns, digest = read_columns(study, data), data.sha256
    # The columns replace the file's bytes, whose memory the next steps need.
    del data
    panel = take_lags(study, make_panel(study, columns))
    del columns
    require_memory(study, panel, settings)
    design = make_design(study, panel)
    require_memory(study, panel, settings, design.specification)
    return StudyInput(study, panel, design, identify(study, digest, settings))
