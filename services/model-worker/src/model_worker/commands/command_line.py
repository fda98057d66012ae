"""The command line `model-worker`: its commands and exit codes."""

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
    """Run the command line; exit with 2 if the settings or the arguments are invalid."""
    # The first process of a container ignores signals without a handler. The handler exits at once, which
    # the store tolerates at any moment; an exception would be lost in callbacks from compilers.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    try:
        code = app() or 0  # Help and version return None.
    except SettingsError as error:
        code = _refuse(str(error), 2)
    except Refused as error:
        code = _refuse(str(error), 2)
    except TraceStoreError as error:
        code = _refuse(str(error), 1)
    # `os._exit` skips the interpreter's shutdown, which cannot interrupt a compiling thread and aborts if an
    # Arrow thread still has data (apache/arrow#34314). All files are written at this point.
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _refuse(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code
