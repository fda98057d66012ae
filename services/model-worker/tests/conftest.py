"""A studies directory with one small study, settings to fit it, and who attends to it."""

import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import hypothesis
import pytest

from model_worker.design.study_input import StudyInput, read_input
from model_worker.service.reconciler import Reconciler
from model_worker.service.store_writer import StoreWriter
from model_worker.settings import Settings
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

sys.path.insert(0, str(Path(__file__).parent))

from small_study import StudyFolder

hypothesis.settings.register_profile("damage", max_examples=10_000)


@pytest.fixture
def studies_dir(tmp_path: Path) -> Path:
    path = tmp_path / "studies"
    path.mkdir()
    return path


@pytest.fixture
def folder(studies_dir: Path) -> StudyFolder:
    return StudyFolder(studies_dir / "small")


@pytest.fixture
def settings(tmp_path: Path, studies_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return Settings(studies_dir=studies_dir, traces_dir=tmp_path / "traces", draws=300, tune=300)


@pytest.fixture
def store(settings: Settings) -> TraceStore:
    return TraceStore(settings.traces_dir)


@pytest.fixture
def reconciler_of() -> Callable[[Settings], Reconciler]:
    def make(settings: Settings) -> Reconciler:
        return Reconciler(
            settings, TraceStore(settings.traces_dir), StoreWriter(Publisher(settings.traces_dir)), Event()
        )

    return make


@pytest.fixture
def unbalanced(folder: StudyFolder, settings: Settings) -> Callable[[str], StudyInput]:
    """A panel with gaps, a unit seen three times only, and a control."""

    def read(model: str) -> StudyInput:
        folder.text = folder.text.replace("controls = []", 'controls = ["income"]')
        folder.text += f"\n[model]\n{model}\n"
        del folder.rows[28:30], folder.rows[20], folder.rows[11:16]
        return read_input(folder.write(), settings)

    return read
