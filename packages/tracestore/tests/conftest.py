"""A store in a temporary directory, and drafts to publish into it."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tracestore.manifest import (
    TRACE_FILE,
    Axis,
    Check,
    Identity,
    Manifest,
    ManifestDraft,
    Sampling,
    StudyCard,
    Unit,
    Variable,
    Verdict,
    WhatIf,
)
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

STUDY = "cigarette-sales"
EPOCH = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)

DraftMaker = Callable[..., ManifestDraft]


@pytest.fixture
def make_draft() -> DraftMaker:
    """Make drafts; each seed gives an identity of its own, an hour younger than the seed before."""

    def make(seed: int = 0, study: str = STUDY, passed: bool = True) -> ManifestDraft:
        return ManifestDraft(
            study=StudyCard(
                name=study,
                title="Cigarette sales",
                unit=Axis(column="state", noun="state"),
                period=Axis(column="year", noun="year"),
                outcome=Variable(column="packs", label="Packs sold", units="packs per head", transform="log"),
                treatment=Variable(column="tax", label="State tax", units="cents", transform="log"),
                what_if=WhatIf(kind="percent", default=1, min=-50, max=100),
                sign="change",
            ),
            identity=Identity(
                data_sha256="a" * 64,
                study_sha256="b" * 64,
                model_version="1",
                packages={"numpy": "2.3", "pymc": "6.4"},
                chains=4,
                draws=1000,
                tune=1000,
                seed=seed,
            ),
            created_at=EPOCH + timedelta(hours=seed),
            units=(Unit(id="CA", label="California"), Unit(id="NY", label="New York")),
            periods=(2005, 2006, 2007),
            verdict=Verdict(
                checks=(Check(name="r_hat", value=1.001 if passed else 1.3, threshold=1.01, passed=passed),)
            ),
            sampling=Sampling(
                sampler="nutpie", chains=4, draws=1000, tune=1000, seed=seed, seconds={"sampling": 0.4}
            ),
        )

    return make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty store; or the one that STORE_UNDER_TEST names, whose published version is built on."""
    return Path(os.environ.get("STORE_UNDER_TEST") or tmp_path / "traces")


@pytest.fixture
def store(root: Path) -> TraceStore:
    return TraceStore(root)


@pytest.fixture
def publisher(root: Path) -> Publisher:
    return Publisher(root)


Publish = Callable[..., Manifest]


@pytest.fixture
def publish(publisher: Publisher, make_draft: DraftMaker) -> Publish:
    """Publish a version by seed, with a trace that says the seed."""

    def publish_seed(seed: int = 0, study: str = STUDY, passed: bool = True) -> Manifest:
        return publisher.publish(make_draft(seed, study, passed), trace_of(seed))

    return publish_seed


def trace_of(seed: int) -> Callable[[Path], None]:
    def write(directory: Path) -> None:
        (directory / TRACE_FILE).write_text(f"{seed}\n" * 1000)

    return write
