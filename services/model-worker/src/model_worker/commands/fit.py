"""The command `fit`: fits that are not in the store yet."""

from threading import Event
from typing import Annotated

from cyclopts import Parameter

from model_worker.commands.lookups import Refused, find_folders, read_settings_and_log
from model_worker.commands.report import say
from tracestore.store import TraceStore

StudyNames = Annotated[str, Parameter(help="Names of studies; all when none is given.")]


def fit(*study: StudyNames) -> int:
    """Fit what is not in the store yet, and serve it; exit with 1 when a fit failed or did not pass."""
    from model_worker.service.fitting_process import FittingProcess
    from model_worker.service.reconciler import Outcome, Reconciler
    from model_worker.service.store_writer import StoreWriter
    from model_worker.service.withdrawals import held_back
    from tracestore.publisher import Publisher

    settings = read_settings_and_log()
    store, publisher = TraceStore(settings.traces_dir), Publisher(settings.traces_dir)
    folders = []
    for folder in find_folders(settings, study):
        if not held_back(store, folder.name):
            folders.append(folder)
            continue
        sentence = f"{folder.name}: is withdrawn; `model-worker restore {folder.name}` takes that back"
        if study:
            raise Refused(sentence)
        say(sentence)
    publisher.clean_leftovers()
    for folder in folders:
        if store.withdrawal(folder.name):
            publisher.restore(folder.name)
    fitting = FittingProcess(Event())
    reconciler = Reconciler(settings, store, StoreWriter(publisher), Event(), fitting.fit)
    reconciler.reconcile(again=True, only=study)
    fitting.end()
    failed = False
    for folder in folders:
        outcome = reconciler.outcomes.get(folder.name, Outcome("failed", error="The fit was given up."))
        failed |= outcome.phase != "published"
        reasons = [outcome.error] if outcome.error else [fault.sentence() for fault in outcome.faults]
        say("\n".join(f"{folder.name}: {line}" for line in [outcome.phase, *reasons]))
    return 1 if failed else 0
