"""The tutorial's commands do what it says, from a table of the download's layout to an answer's link."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from raw_download import write_raw
from small_study import REPOSITORY

from model_worker.commands.command_line import app
from model_worker.service.reconciler import Reconciler
from model_worker.settings import Settings
from tracestore.store import TraceStore

TUTORIAL = (REPOSITORY / "docs/tutorial.md").read_text()


def worker_command(line: str) -> list[str]:
    """Return the worker's arguments that a line of `make` comes to, as Makefile and bootstrap/ have it."""
    make, target, *words = shlex.split(line)
    assert make == "make"
    given = dict(word.split("=", 1) for word in words)
    more = shlex.split(given.get("ARGS", ""))
    return {
        "import": ["import", given.get("SOURCE", ""), given.get("CSV", ""), given.get("TO", "")],
        "study": ["init", given.get("CSV", ""), "--name", given.get("NAME", ""), *more],
        "check": ["check", given.get("STUDY", "")],
    }[target]


def test_the_tutorial_leads_from_a_download_to_a_link_that_the_store_can_answer(
    tmp_path: Path,
    settings: Settings,
    store: TraceStore,
    reconciler_of: Callable[[Settings], Reconciler],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STUDIES_DIR", str(settings.studies_dir))
    monkeypatch.setenv("TRACES_DIR", str(settings.traces_dir))
    download, *lines, up = re.findall(r"```sh\n(.*?)\n```", TUTORIAL, re.DOTALL)
    assert up == "make up"
    write_raw(tmp_path / shlex.split(download)[3])
    for line in lines:
        assert app(worker_command(line)) == 0, capsys.readouterr().out
    assert "cigarette-prices: no faults; 2550 rows, 51 units, 50 periods" in capsys.readouterr().out
    reconciler_of(settings).reconcile()
    (link,) = re.findall(r"https://localhost\S+&change=\S+", TUTORIAL)
    (chosen,) = [parse_qs(urlsplit(link).query)]
    manifest = store.manifest(chosen["study"][0], store.current(chosen["study"][0]).version)
    assert manifest.verdict.passed
    assert chosen["unit"][0] in {unit.id for unit in manifest.units}
    assert manifest.study.what_if.kind == "percent"
    assert manifest.study.what_if.min <= float(chosen["change"][0]) <= manifest.study.what_if.max
