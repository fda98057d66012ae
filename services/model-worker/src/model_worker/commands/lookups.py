"""Functions that the commands share: settings, the store, study folders by name, and refusals."""

from pathlib import Path

from model_worker.service.logs import configure_logs
from model_worker.settings import Settings, read_settings
from model_worker.study.definition import study_folders
from model_worker.study.faults import suggest
from tracestore.errors import TraceStoreError
from tracestore.store import TraceStore


class Refused(Exception):
    """Error for a command that cannot be carried out; the message states the reason."""


def read_settings_and_log() -> Settings:
    """Read the settings, and configure the log on standard error with their level."""
    settings = read_settings()
    configure_logs(settings.log_level)
    return settings


def require_known_study(settings: Settings, study: str) -> TraceStore:
    """Return the store; raise `Refused` if the store does not have the study."""
    store = TraceStore(settings.traces_dir)
    known = store.studies()
    if study not in known:
        raise Refused(f'{settings.traces_dir}: there is no study "{study}". {suggest(study, known)}')
    return store


def is_withdrawn(store: TraceStore, study: str) -> bool:
    """Return True if a study is withdrawn. An unreadable record counts, because nothing is served."""
    try:
        return store.withdrawal(study) is not None
    except TraceStoreError:
        return True


def find_folders(settings: Settings, names: tuple[str, ...]) -> list[Path]:
    """Return the folders of the named studies, or all folders; raise `Refused` for an unknown name."""
    if not settings.studies_dir.is_dir():
        raise Refused(f"STUDIES_DIR is '{settings.studies_dir}', but there is no directory of that name.")
    folders = {folder.name: folder for folder in study_folders(settings.studies_dir)}
    for name in names:
        if name not in folders:
            raise Refused(
                f'{settings.studies_dir}: there is no study "{name}". {suggest(name, list(folders))}'
            )
    return [folders[name] for name in names] if names else list(folders.values())
