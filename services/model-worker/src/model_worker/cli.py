"""The command line: init, reshape, import, schema, check, fit, watch, list, rollback, withdraw, restore."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from model_worker.faults import InvalidInput, suggest
from model_worker.logs import configure_logs
from model_worker.nouns import count_of
from model_worker.report import in_colour, report_as_json, report_faults, say, warning_line
from model_worker.settings import Settings, SettingsError, read_settings
from model_worker.study import study_folders
from tracestore.errors import TraceStoreError
from tracestore.manifest import Fault
from tracestore.store import TraceStore

if TYPE_CHECKING:
    from model_worker.dialect import Sample
    from model_worker.layouts import Table

app = App(
    name="model-worker",
    help="Fits the Bayesian panel model of each study and publishes its trace.",
    version="0.1.0",
    result_action="return_value",
)

AsJson = Annotated[bool, Parameter(help="Print faults and warnings as JSON, for programs.", negative="")]
StudyNames = Annotated[str, Parameter(help="Names of studies; all when none is given.")]


class _Refused(Exception):
    """What was asked for cannot be done; the message says why."""


@app.command
def init(
    file: Annotated[Path, Parameter(help="A table: CSV of any delimiter and encoding, gzip or Parquet.")],
    /,
    *,
    name: Annotated[str | None, Parameter(help="The study's name; by default the file's.")] = None,
    unit: Annotated[str | None, Parameter(help="The column that tells units apart.")] = None,
    label: Annotated[str | None, Parameter(help="The column with units' names for readers.")] = None,
    period: Annotated[str | None, Parameter(help="The column of periods.")] = None,
    outcome: Annotated[str | None, Parameter(help="The column of the outcome.")] = None,
    treatment: Annotated[str | None, Parameter(help="The column of the treatment.")] = None,
    control: Annotated[tuple[str, ...], Parameter(help="A column to take out; may be repeated.")] = (),
) -> int:
    """Make a study of a data file: propose the columns' roles, write study.toml, check it."""
    from model_worker.new_study import make_study
    from model_worker.proposal import Asked

    settings = read_settings()
    _folders(settings, ())
    asked = Asked(unit, period, label, outcome, treatment, control)
    try:
        made = make_study(file, settings.studies_dir, name, asked)
    except InvalidInput as invalid:
        report_faults(invalid.faults)
        return 1
    except OSError as error:
        raise _Refused(
            f"{settings.studies_dir}: the study cannot be written: {error.strerror}. In the stack the"
            " studies are read-only; `make study CSV=...` writes them."
        ) from None
    say("\n".join([f"{file.name}: {made.describe()[0]}", *made.describe()[1:]]))
    say(f"wrote {made.folder.name}/study.toml; look it over: each role has its reason, each option a comment")
    return check(made.folder.name)


@app.command
def reshape(
    file: Annotated[Path, Parameter(help="A table with periods as columns, in any form that init reads.")],
    to: Annotated[Path, Parameter(help="The CSV to write.")],
    /,
    *,
    value: Annotated[str, Parameter(help="The name of the new column of values.")] = "value",
    period: Annotated[str, Parameter(help="The name of the new column of periods.")] = "period",
) -> int:
    """Make a table with periods as columns one with a row for each unit and period."""
    from model_worker import layouts

    return _convert(file, to, lambda sample: layouts.reshape(sample, file.name, value, period))


@app.command(name="import")
def import_download(
    source: Annotated[Literal["cdc-sae", "cdc-tax-burden"], Parameter(help="Which download it is.")],
    file: Annotated[Path, Parameter(help="The download, as it is.")],
    to: Annotated[Path, Parameter(help="The CSV to write.")],
    /,
) -> int:
    """Make a download with one row for each figure one with a row for each state and year."""
    from model_worker import layouts

    return _convert(file, to, lambda sample: layouts.import_long(sample, file.name, source))


@app.command
def schema() -> int:
    """Print the JSON Schema of study.toml, for editors."""
    from model_worker.study_toml import schema_of_study

    say(schema_of_study())
    return 0


@app.command
def check(*study: StudyNames, json: AsJson = False) -> int:
    """Print every fault of the studies' files, and warnings; exit with 1 when there is a fault."""
    from model_worker.cautions import find_cautions
    from model_worker.inputs import read_input

    settings = read_settings()
    faults: list[Fault] = []
    warnings: list[tuple[str, str]] = []
    for folder in _folders(settings, study):
        try:
            given = read_input(folder, settings)
        except InvalidInput as invalid:
            faults += invalid.faults
            continue
        panel = given.panel
        cautions = find_cautions(given.study, panel, given.design)
        warnings += [(folder.name, caution) for caution in cautions]
        if not json:
            rows, units, periods = len(panel.outcome), len(panel.units), len(panel.periods)
            say(f"{folder.name}: no faults; {rows} rows, {units} units, {periods} periods")
            for caution in cautions:
                say(warning_line(folder.name, caution, colour=in_colour(sys.stdout)))
    if json:
        report_as_json(faults, warnings)
    else:
        report_faults(faults)
    return 1 if faults else 0


@app.command
def fit(*study: StudyNames) -> int:
    """Fit what is not in the store yet, and serve it; exit with 1 when a fit failed or did not pass."""
    from model_worker.attendant import Attendant, Outcome
    from model_worker.fitting_process import FittingProcess
    from model_worker.withdrawals import held_back
    from model_worker.writer import Writer
    from tracestore.publisher import Publisher

    settings = _configured()
    store, publisher = TraceStore(settings.traces_dir), Publisher(settings.traces_dir)
    folders = []
    for folder in _folders(settings, study):
        if not held_back(store, folder.name):
            folders.append(folder)
            continue
        sentence = f"{folder.name}: is withdrawn; `model-worker restore {folder.name}` takes that back"
        if study:
            raise _Refused(sentence)
        say(sentence)
    publisher.clean_leftovers()
    for folder in folders:
        if store.withdrawal(folder.name):
            publisher.restore(folder.name)
    fitting = FittingProcess(Event())
    attendant = Attendant(settings, store, Writer(publisher), Event(), fitting.fit)
    attendant.attend(again=True, only=study)
    fitting.end()
    failed = False
    for folder in folders:
        outcome = attendant.outcomes.get(folder.name, Outcome("failed", error="The fit was given up."))
        failed |= outcome.phase != "published"
        reasons = [outcome.error] if outcome.error else [fault.sentence() for fault in outcome.faults]
        say("\n".join(f"{folder.name}: {line}" for line in [outcome.phase, *reasons]))
    return 1 if failed else 0


@app.command
def watch() -> int:
    """Fit what is not in the store yet, then whenever a study's files change, until SIGTERM."""
    from model_worker.watch import end_on_signals, watch_studies

    stop = end_on_signals()
    settings = _configured()
    _folders(settings, ())
    return watch_studies(settings, stop)


@app.command(name="list")
def list_versions() -> int:
    """List the versions in the store: study, version, current or withdrawn, when it was made, verdict."""
    settings = read_settings()
    store = TraceStore(settings.traces_dir)
    rows = [("STUDY", "VERSION", "CURRENT", "CREATED", "VERDICT")]
    for study in store.studies():
        try:
            served = store.current(study).version
        except TraceStoreError:
            served = ""
        mark_served = "withdrawn" if _is_withdrawn(store, study) else "current"
        for manifest in store.versions(study):
            failed = [item.name for item in manifest.verdict.checks if not item.passed]
            verdict = "passed" if manifest.verdict.passed else f"failed: {', '.join(failed)}"
            mark = mark_served if manifest.version == served else ""
            created = manifest.created_at.strftime("%Y-%m-%d %H:%M:%S %Z")
            rows.append((study, manifest.version, mark, created, verdict))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


@app.command
def rollback(study: Annotated[str, Parameter(help="The study's name.")]) -> int:
    """Serve the version that was current before the present one."""
    from tracestore.publisher import Publisher

    settings = _configured()
    _require_known(settings, study)
    current = Publisher(settings.traces_dir).rollback(study)
    say(f"{study}: version {current.version} is current again")
    return 0


@app.command
def withdraw(study: Annotated[str, Parameter(help="The study's name.")]) -> int:
    """Take a study off pages and lists, and do not fit it, until `restore`; its versions are kept a while."""
    from tracestore.publisher import Publisher

    settings = _configured()
    _require_known(settings, study)
    Publisher(settings.traces_dir).withdraw(study, "command")
    say(
        f"{study}: withdrawn; `model-worker restore {study}` takes that back, within"
        f" {settings.retention_days} days without a fit"
    )
    return 0


@app.command
def restore(study: Annotated[str, Parameter(help="The study's name.")]) -> int:
    """Take the withdrawal of a study back."""
    from tracestore.publisher import Publisher

    settings = _configured()
    store = _require_known(settings, study)
    if study not in {folder.name for folder in _folders(settings, ())}:
        raise _Refused(
            f"{settings.studies_dir}: there is no folder of {study}, so it cannot be restored. Put the folder"
            " back; a worker that watches then restores a study that was withdrawn for want of it."
        )
    was = _is_withdrawn(store, study)
    Publisher(settings.traces_dir).restore(study)
    say(f"{study}: restored" if was else f"{study}: is not withdrawn")
    return 0


def main() -> None:
    """Run the command line; exit with 2 when the settings or the arguments are wrong."""
    # The first process of a container ignores a signal that it has no handler of its own for. It ends as if
    # killed, which the store bears at any moment: an exception is lost where compilers call back.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    try:
        code = app()
    except SettingsError as error:
        code = _refuse(str(error), 2)
    except _Refused as error:
        code = _refuse(str(error), 2)
    except TraceStoreError as error:
        code = _refuse(str(error), 1)
    # A thread may be compiling, which nothing interrupts, or one of Arrow's may hold what it has read, which
    # aborts an interpreter that ends (apache/arrow#34314); all that was to be written is written.
    with suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _configured() -> Settings:
    settings = read_settings()
    configure_logs(settings.log_level)
    return settings


def _require_known(settings: Settings, study: str) -> TraceStore:
    store = TraceStore(settings.traces_dir)
    known = store.studies()
    if study not in known:
        raise _Refused(f'{settings.traces_dir}: there is no study "{study}". {suggest(study, known)}')
    return store


def _is_withdrawn(store: TraceStore, study: str) -> bool:
    """Tell whether a study is withdrawn; a record that cannot be read counts, as nothing is served."""
    try:
        return store.withdrawal(study) is not None
    except TraceStoreError:
        return True


def _convert(file: Path, to: Path, make: "Callable[[Sample], Table]") -> int:
    from model_worker.dialect import sniff

    try:
        content = file.read_bytes()
        table = make(sniff(content, file.name, whole=True))
        to.write_text(table.to_csv(), encoding="utf-8", newline="")
    except OSError as error:
        raise _Refused(f"{error.filename}: {error.strerror}") from None
    except InvalidInput as invalid:
        report_faults(invalid.faults)
        return 1
    say(f"{to}: {count_of(len(table.rows), 'row')}; columns {', '.join(table.header)}")
    for left_out in table.left_out:
        say(f"left out: {left_out}")
    return 0


def _folders(settings: Settings, names: tuple[str, ...]) -> list[Path]:
    if not settings.studies_dir.is_dir():
        raise _Refused(f"STUDIES_DIR is '{settings.studies_dir}', but there is no directory of that name.")
    folders = {folder.name: folder for folder in study_folders(settings.studies_dir)}
    for name in names:
        if name not in folders:
            raise _Refused(
                f'{settings.studies_dir}: there is no study "{name}". {suggest(name, list(folders))}'
            )
    return [folders[name] for name in names] if names else list(folders.values())


def _refuse(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code
