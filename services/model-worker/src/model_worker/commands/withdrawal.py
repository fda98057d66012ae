"""The commands `withdraw` and `restore`."""

from typing import Annotated

from cyclopts import Parameter

from model_worker.commands.lookups import (
    Refused,
    find_folders,
    is_withdrawn,
    read_settings_and_log,
    require_known_study,
)
from model_worker.commands.report import say


def withdraw(study: Annotated[str, Parameter(help="The study's name.")]) -> int:
    """Take a study off pages and lists, and do not fit it, until `restore`; its versions are kept a while."""
    from tracestore.publisher import Publisher

    settings = read_settings_and_log()
    require_known_study(settings, study)
    Publisher(settings.traces_dir).withdraw(study, "command")
    say(
        f"{study}: withdrawn; `model-worker restore {study}` takes that back, within"
        f" {settings.retention_days} days without a fit"
    )
    return 0


def restore(study: Annotated[str, Parameter(help="The study's name.")]) -> int:
    """Take the withdrawal of a study back."""
    from tracestore.publisher import Publisher

    settings = read_settings_and_log()
    store = require_known_study(settings, study)
    if study not in {folder.name for folder in find_folders(settings, ())}:
        raise Refused(
            f"{settings.studies_dir}: there is no folder of {study}, so it cannot be restored. Put the folder"
            " back; a worker that watches then restores a study that was withdrawn for want of it."
        )
    was = is_withdrawn(store, study)
    Publisher(settings.traces_dir).restore(study)
    say(f"{study}: restored" if was else f"{study}: is not withdrawn")
    return 0
