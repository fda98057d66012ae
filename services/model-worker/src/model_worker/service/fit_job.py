"""Fit job of one study's folder: read, sample and publish, while its status is written."""

import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from model_worker.fit.verdicts import explain
from model_worker.service.progress import Progress
from model_worker.service.store_writer import StoreWriter
from model_worker.settings import Settings
from model_worker.study.definition import title_of
from model_worker.study.faults import InvalidInput
from tracestore.errors import PublishFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fitted:
    """Result of a fit.

    Attributes
    ----------
    version
        The fitted version; None if unknown.
    error
        Reason why the version is not served; empty if it is served.
    """

    version: str | None
    error: str = ""


def fit_folder(folder: Path, settings: Settings, writer: StoreWriter, stop: Event) -> Fitted | None:
    """Fit the study in a folder and publish its version.

    Returns
    -------
    Fitted or None
        None if `stop` ended the fit, or if the files have faults that were absent when they were checked.
    """
    # Imported here because pandas takes a second to import; statuses are announced before that.
    from model_worker.design.study_input import read_input
    from model_worker.service.fit_pipeline import fit_study

    version = None
    try:
        with Progress(folder.name, title_of(folder), writer.write_status) as progress:
            given = read_input(folder, settings)
            version = given.identity.version()
            manifest = fit_study(given, settings, writer, progress, stop)
    except InvalidInput:
        return None
    except Exception as error:
        # A failure of one study must not stop the others.
        if stop.is_set():
            return None
        sentence = explain_error(error)
        log.error("%s", sentence, extra={"study": folder.name})
        log.debug("the fit broke off here", exc_info=error, extra={"study": folder.name})
        return Fitted(version, sentence)
    return Fitted(version, explain(manifest.verdict))


def explain_error(error: Exception) -> str:
    """Return one sentence that states why a fit broke off."""
    if isinstance(error, PublishFailed):
        return str(error)
    text = " ".join(str(error).split()).rstrip(".")
    name = type(error).__name__
    return f"The fit broke off: {f'{name}: {text}' if text else name}."
