"""Whatever bytes a record holds, a reader gives a record in form or says that it is corrupt."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracestore.errors import TraceCorrupt
from tracestore.manifest import (
    CURRENT_FILE,
    MANIFEST_FILE,
    STATUS_FILE,
    WITHDRAWN_FILE,
    Current,
    Manifest,
    Status,
    utc_now,
)
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

STUDY = "cigarette-sales"

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
few = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def mutated_bytes(draw: st.DrawFn, original: bytes) -> bytes:
    """Cut, overwrite or extend the bytes of a record at one place."""
    start = draw(st.integers(0, len(original)))
    end = draw(st.integers(start, min(len(original), start + 20)))
    return original[:start] + draw(st.binary(max_size=20)) + original[end:]


@st.composite
def mutated_json(draw: st.DrawFn, original: Any) -> bytes:
    """Replace, remove or add one value anywhere in a record."""
    record = json.loads(json.dumps(original))
    place = record
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        if not (isinstance(place[key], dict | list) and place[key] and draw(st.booleans())):
            break
        place = place[key]
    deed = draw(st.sampled_from(["replace", "remove", "add"]))
    if deed == "remove":
        del place[key]
    elif deed == "add" and isinstance(place, dict):
        place[draw(st.text())] = draw(values)
    else:
        place[key] = draw(values)
    return json.dumps(record).encode()


def mutations_of(original: bytes) -> st.SearchStrategy[bytes]:
    return mutated_bytes(original) | mutated_json(json.loads(original)) | st.binary()


@few
@given(data=st.data())
def test_any_bytes_of_a_manifest_are_a_manifest_or_corrupt(
    data: st.DataObject, store: TraceStore, publish: Callable[[], Manifest]
) -> None:
    manifest = publish()
    path = store.root / STUDY / manifest.version / MANIFEST_FILE
    original = path.read_bytes()
    path.write_bytes(data.draw(mutations_of(original)))

    for read in (store.manifest, store.verified):
        with suppress(TraceCorrupt):
            read(STUDY, manifest.version)
    for listed in store.versions(STUDY):
        assert listed.version == manifest.version

    path.write_bytes(original)


@few
@given(data=st.data())
def test_any_bytes_of_the_pointer_are_a_pointer_or_corrupt(
    data: st.DataObject, store: TraceStore, publish: Callable[[], Manifest]
) -> None:
    publish()
    path = store.root / STUDY / CURRENT_FILE
    original = path.read_bytes()
    path.write_bytes(data.draw(mutations_of(original)))

    with suppress(TraceCorrupt):
        assert isinstance(store.current(STUDY), Current)

    path.write_bytes(original)


@few
@given(data=st.data())
def test_any_bytes_of_a_withdrawal_are_a_withdrawal_or_corrupt(
    data: st.DataObject, store: TraceStore, publisher: Publisher, publish: Callable[[], Manifest]
) -> None:
    publish()
    publisher.withdraw(STUDY, "folder")
    path = store.root / STUDY / WITHDRAWN_FILE
    original = path.read_bytes()
    path.write_bytes(data.draw(mutations_of(original)))

    with suppress(TraceCorrupt):
        withdrawal = store.withdrawal(STUDY)
        assert withdrawal is not None
        assert withdrawal.study == STUDY

    path.write_bytes(original)


@few
@given(data=st.data())
def test_any_bytes_of_the_status_are_a_status_or_corrupt(
    data: st.DataObject, store: TraceStore, publisher: Publisher
) -> None:
    now = utc_now()
    publisher.write_status(Status(study=STUDY, title="t", phase="waiting", started_at=now, updated_at=now))
    path = store.root / STUDY / STATUS_FILE
    path.write_bytes(data.draw(mutations_of(path.read_bytes())))

    with suppress(TraceCorrupt):
        status = store.status(STUDY)
        assert status is not None
        assert status.study == STUDY


@few
@given(content=st.binary(max_size=400))
def test_any_bytes_of_the_trace_but_its_own_are_corrupt(
    content: bytes, store: TraceStore, publish: Callable[[], Manifest]
) -> None:
    manifest = publish()
    path: Path = store.root / STUDY / manifest.version / "trace.nc"
    original = path.read_bytes()
    path.write_bytes(content + original[len(content) :])

    try:
        store.verified(STUDY, manifest.version)
    except TraceCorrupt:
        assert path.read_bytes() != original
    else:
        assert path.read_bytes() == original

    path.write_bytes(original)
