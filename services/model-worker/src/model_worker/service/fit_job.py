"""One study's folder, fitted: read, sampled, published, its status written meanwhile."""

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
    """How a fit ended.

    Attributes
    ----------
    version
        The version it was of; None where that is not known.
    error
        Why the version is not served; empty where it is.
    """

    version: str | None
    error: str = ""


def fit_folder(folder: Path, settings: Settings, writer: StoreWriter, stop: Event) -> Fitted | None:
    """Fit the study in a folder and publish its version.

    Returns
    -------
    Fitted or None
        None where `stop` ended the fit, or the files have faults now that they had not when checked.
    """
    # Imported here because pandas takes a second, and statuses are announced before that.
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
        # One study must not stop the others.
        if stop.is_set():
            return None
        sentence = explain_error(error)
        log.error("%s", sentence, extra={"study": folder.name})
        log.debug("the fit broke off here", exc_info=error, extra={"study": folder.name})
        return Fitted(version, sentence)
    return Fitted(version, explain(manifest.verdict))


def explain_error(error: Exception) -> str:
    """Say in one sentence why a fit broke off."""
    if isinstance(error, PublishFailed):
        return str(error)
    text = " ".join(str(error).split()).rstrip(".")
    name = type(error).__name__
    return f"The fit broke off: {f'{name}: {text}' if text else name}."
