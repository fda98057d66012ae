"""The commands `list` and `rollback`: the versions in the store."""

from typing import Annotated

from cyclopts import Parameter

from model_worker.commands.lookups import is_withdrawn, read_settings_and_log, require_known_study
from model_worker.commands.report import say
from model_worker.settings import read_settings
from tracestore.errors import TraceStoreError
from tracestore.store import TraceStore


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
        mark_served = "withdrawn" if is_withdrawn(store, study) else "current"
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


def rollback(study: Annotated[str, Parameter(help="The study's name.")]) -> int:
    """Serve the version that was current before the present one."""
    from tracestore.publisher import Publisher

    settings = read_settings_and_log()
    require_known_study(settings, study)
    current = Publisher(settings.traces_dir).rollback(study)
    say(f"{study}: version {current.version} is current again")
    return 0
