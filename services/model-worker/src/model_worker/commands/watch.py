"""The command `watch`, which the container runs."""

from model_worker.commands.lookups import find_folders, read_settings_and_log


def watch() -> int:
    """Fit what is not in the store yet, then whenever a study's files change, until SIGTERM."""
    from model_worker.service.watcher import end_on_signals, watch_studies

    stop = end_on_signals()
    settings = read_settings_and_log()
    find_folders(settings, ())
    return watch_studies(settings, stop)
