"""The command line `model-worker`: its commands, and its exit codes."""

import os
import signal
import sys
from contextlib import suppress

from cyclopts import App

from model_worker.commands.check import check
from model_worker.commands.conversion import import_download, reshape
from model_worker.commands.fit import fit
from model_worker.commands.init import init
from model_worker.commands.lookups import Refused
from model_worker.commands.schema import schema
from model_worker.commands.versions import list_versions, rollback
from model_worker.commands.watch import watch
from model_worker.commands.withdrawal import restore, withdraw
from model_worker.settings import SettingsError
from tracestore.errors import TraceStoreError

app = App(
    name="model-worker",
    help="Fits the Bayesian panel model of each study and publishes its trace.",
    version="0.1.0",
    result_action="return_value",
)
for command in (init, reshape, schema, check, fit, watch, rollback, withdraw, restore):
    app.command(command)
app.command(import_download, name="import")
app.command(list_versions, name="list")


def main() -> None:
    """Run the command line; exit with 2 when the settings or the arguments are wrong."""
    # The first process of a container ignores a signal that it has no handler of its own for. It ends as if
    # killed, which the store bears at any moment: an exception is lost where compilers call back.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    try:
        code = app() or 0  # Help and version return nothing.
    except SettingsError as error:
        code = _refuse(str(error), 2)
    except Refused as error:
        code = _refuse(str(error), 2)
    except TraceStoreError as error:
        code = _refuse(str(error), 1)
    # A thread may be compiling, which nothing interrupts, or one of Arrow's may hold what it has read, which
    # aborts an interpreter that ends (apache/arrow#34314); all that was to be written is written.
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _refuse(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code
