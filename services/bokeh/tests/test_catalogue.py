"""The studies as a replica knows them: from manifests alone, and only from what has changed since."""

import logging
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from synthetic import NOW, make_card, open_store, publish, tell

from conftest import eventually
from dashboard.catalogue import Catalogue, Entry, Snapshot, VersionCache, choose_front
from dashboard.headline import say_headline
from tracestore.publisher import Publisher


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def opened(root: Path) -> tuple[Catalogue, VersionCache]:
    return open_store(root)


@pytest.fixture
def catalogue(opened: tuple[Catalogue, VersionCache]) -> Catalogue:
    return opened[0]


@pytest.fixture
def versions(opened: tuple[Catalogue, VersionCache]) -> VersionCache:
    return opened[1]


def only(snapshot: Snapshot) -> Entry:
    [entry] = snapshot.entries
    return entry


def damage(root: Path, version: str, study: str = "smoking", file: str = "trace.nc") -> bytes:
    """Turn one bit of a file of a version; return what it was before."""
    path = root / study / version / file
    before = path.read_bytes()
    content = bytearray(before)
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    return before


def test_a_store_that_is_empty_or_not_there_has_no_studies(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "none"):
        catalogue, _ = open_store(root)
        assert catalogue.snapshot.entries == ()
        assert catalogue.has_read


def test_a_status_alone_makes_a_study(root: Path, catalogue: Catalogue) -> None:
    tell(root, "sampling", draws_done=1, draws_total=2)
    entry = only(catalogue.poll())
    assert (entry.title, entry.current) == ("The smoking study", None)
    assert entry.status is not None
    assert entry.status.phase == "sampling"


def test_a_published_study_is_known_without_its_draws(
    root: Path, catalogue: Catalogue, versions: VersionCache
) -> None:
    manifest = publish(root)
    (root / "smoking" / manifest.version / "trace.nc").unlink()
    entry = only(catalogue.poll())
    assert entry.published is not None
    assert (entry.current, entry.title) == (manifest.version, manifest.study.title)
    assert entry.published.extent == "4 states, 2000 to 2009"
    assert entry.published.created_at > NOW
    assert len(versions) == 0


@pytest.mark.parametrize("together", ["sum", "mean"])
def test_the_answer_of_a_manifest_is_told_as_the_page_tells_it_from_the_draws(
    root: Path, catalogue: Catalogue, versions: VersionCache, together: str
) -> None:
    publish(root, make_card().model_copy(update={"together": together}), by_unit=True)
    published = only(catalogue.poll()).published
    assert published is not None
    version = versions.request("smoking", published.version).result(30)
    everyone = {"sum": "all states together", "mean": "all states, on average,"}[together]
    headline = say_headline(version.manifest.study, everyone, 1.0, version.effect_on_all(1.0))
    assert (published.headline, published.certainty) == headline
    assert published.thumbnail.startswith('<svg class="thumbnail"')


def test_a_version_of_an_earlier_release_has_no_answer_and_is_listed(
    root: Path, catalogue: Catalogue
) -> None:
    publish(root, answered=False)
    published = only(catalogue.poll()).published
    assert published is not None
    assert (published.headline, published.certainty, published.thumbnail) == ("", "", "")
    assert published.extent != ""


def test_a_newer_version_is_named_at_once_where_nobody_looks_at_the_old_one(
    root: Path, catalogue: Catalogue, versions: VersionCache
) -> None:
    old = publish(root).version
    catalogue.poll()
    new = publish(root, seed=2).version
    entry = only(catalogue.poll())
    assert (entry.current, entry.previous) == (new, old)
    assert len(versions) == 0


def test_a_newer_version_is_in_memory_before_it_is_named_where_the_old_one_is(
    root: Path, catalogue: Catalogue, versions: VersionCache
) -> None:
    old = publish(root).version
    catalogue.poll()
    versions.request("smoking", old).result(30)
    new = publish(root, seed=2).version
    entry = eventually(lambda: (entry := only(catalogue.poll())).current == new and entry)
    assert versions.held("smoking", new) is not None
    assert entry.previous == old


def test_a_damaged_newer_version_leaves_what_is_served_and_says_so_once(
    root: Path, catalogue: Catalogue, versions: VersionCache, caplog: pytest.LogCaptureFixture
) -> None:
    old = publish(root).version
    catalogue.poll()
    versions.request("smoking", old).result(30)
    damage(root, publish(root, seed=2).version)
    with caplog.at_level(logging.ERROR, "dashboard.catalogue.catalogue"):
        entry = eventually(lambda: (entry := only(catalogue.poll())).trouble and entry)
        for _ in range(3):
            entry = only(catalogue.poll())
    assert entry.current == old
    assert "cannot be shown" in (entry.trouble or "")
    assert "expected SHA-256" in (entry.trouble or "")
    assert [record.name for record in caplog.records].count("dashboard.catalogue.catalogue") == 1


def test_a_damaged_manifest_leaves_what_is_served(root: Path, catalogue: Catalogue) -> None:
    old = publish(root).version
    catalogue.poll()
    damage(root, publish(root, seed=2).version, file="manifest.json")
    entry = only(catalogue.poll())
    assert entry.current == old
    assert "cannot be read" in (entry.trouble or "")


def test_a_replica_that_starts_with_a_damaged_manifest_serves_the_version_before(root: Path) -> None:
    old = publish(root).version
    damage(root, publish(root, seed=2).version, file="manifest.json")
    entry = only(open_store(root)[0].snapshot)
    assert (entry.current, entry.previous) == (old, None)
    assert "cannot be read" in (entry.trouble or "")


def test_what_could_not_be_read_is_read_again_in_a_while_and_harms_no_other_study(
    root: Path, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = publish(root, make_card("another", "Another")).version
    version = publish(root).version
    before = damage(root, version, file="manifest.json")
    another, smoking = catalogue.poll().entries
    assert (another.current, another.trouble) == (whole, None)
    assert smoking.current is None
    assert "cannot be read" in (smoking.trouble or "")
    (root / "smoking" / version / "manifest.json").write_bytes(before)
    assert catalogue.poll().find("smoking") is smoking, "it is left alone for a while"
    later = time.monotonic() + 60
    monkeypatch.setattr("dashboard.catalogue.catalogue.time.monotonic", lambda: later)
    mended = catalogue.poll().find("smoking")
    assert mended is not None
    assert (mended.current, mended.trouble) == (version, None)


def test_a_pointer_that_is_gone_or_garbled_and_a_garbled_status_leave_what_there_was(
    root: Path, catalogue: Catalogue
) -> None:
    version = publish(root).version
    tell(root, "published")
    before = only(catalogue.poll())
    (root / "smoking" / "status.json").write_text("[]")
    (root / "smoking" / "current.json").write_text("{")
    garbled = only(catalogue.poll())
    assert (garbled.published, garbled.status) == (before.published, before.status)
    assert "What the worker is doing cannot be read" in (garbled.trouble or "")
    (root / "smoking" / "current.json").unlink()
    shutil.rmtree(root / "smoking" / version)
    gone = only(catalogue.poll())
    assert gone.published == before.published
    assert "no longer names" in (gone.trouble or "")


def test_a_store_that_cannot_be_listed_keeps_its_studies_and_says_so(
    root: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    publish(root)
    entries = catalogue.poll().entries
    hidden = tmp_path.with_name(f"{tmp_path.name}-hidden")
    root.rename(hidden)
    root.write_text("no directory")
    snapshot = catalogue.poll()
    assert snapshot.entries == entries
    assert "cannot be read" in (snapshot.trouble or "")
    root.unlink()
    hidden.rename(root)
    assert catalogue.poll().trouble is None


def test_a_withdrawn_study_is_left_out_until_it_is_restored(root: Path, catalogue: Catalogue) -> None:
    version = publish(root).version
    publish(root, make_card("another", "Another"))
    catalogue.poll()
    Publisher(root).withdraw("smoking", "command")
    assert [entry.name for entry in catalogue.poll().entries] == ["another"]
    Publisher(root).restore("smoking")
    restored = catalogue.poll().find("smoking")
    assert restored is not None
    assert restored.current == version


def test_a_damaged_record_of_a_withdrawal_withdraws(root: Path, catalogue: Catalogue) -> None:
    publish(root)
    (root / "smoking" / "withdrawn.json").write_text("{")
    assert catalogue.poll().entries == ()


def test_changes_are_announced_and_only_changes(root: Path, catalogue: Catalogue) -> None:
    heard: list[Snapshot] = []
    catalogue.start(heard.append)
    catalogue.stop()
    tell(root, "reading")
    catalogue.poll()
    catalogue.poll()
    assert heard == [catalogue.snapshot]


def test_the_front_page_is_the_default_study_or_the_only_one_and_else_the_list(root: Path) -> None:
    publish(root)
    assert open_store(root)[0].snapshot.front == "smoking"
    publish(root, make_card("another", "Another"))
    assert open_store(root)[0].snapshot.front is None
    snapshot = open_store(root, default_study="another")[0].snapshot
    assert snapshot.front == "another"
    assert choose_front(snapshot, "withdrawn") is None
    assert choose_front(Snapshot(), "another") is None


def test_only_what_is_known_to_be_missing_is_said_to_be(root: Path, catalogue: Catalogue) -> None:
    assert catalogue.snapshot.find_missing("smoking") is None, "the worker may not have begun yet"
    publish(root)
    snapshot = catalogue.poll()
    assert snapshot.find_missing("smoking") is None
    assert snapshot.find_missing(None) is None
    assert snapshot.find_missing("<b>\n") == "There is no study “<b>\N{REPLACEMENT CHARACTER}” here."


@pytest.fixture
def files_read() -> Iterator[list[str]]:
    """The names of the records that this process opens."""
    found: list[str] = []
    listening = True

    def hear(event: str, details: tuple[object, ...]) -> None:
        if listening and event == "open" and str(details[0]).endswith(".json"):
            found.append(Path(str(details[0])).name)

    sys.addaudithook(hear)
    yield found
    listening = False


def test_of_many_studies_only_the_records_that_changed_are_read(root: Path, files_read: list[str]) -> None:
    count = 1_000
    for place in range(count):
        directory = root / f"study-{place}"
        directory.mkdir()
        (directory / "status.json").write_text(
            f'{{"study":"study-{place}","title":"T","phase":"waiting",'
            '"started_at":"2026-11-21T00:00:00Z","updated_at":"2026-11-21T00:00:00Z"}'
        )
    files_read.clear()
    catalogue, _ = open_store(root)
    assert len(catalogue.snapshot.entries) == count
    assert files_read.count("status.json") == count
    files_read.clear()
    assert catalogue.poll().entries == catalogue.poll().entries
    assert files_read == []
    status = root / "study-7" / "status.json"
    status.write_text(status.read_text().replace("waiting", "reading"))
    files_read.clear()
    entry = catalogue.poll().find("study-7")
    assert entry is not None
    assert entry.status is not None
    assert entry.status.phase == "reading"
    assert files_read == ["status.json"]
    version = publish(root, make_card("study-8")).version
    files_read.clear()
    changed = catalogue.poll().find("study-8")
    assert changed is not None
    assert changed.current == version
    assert sorted(files_read) == ["current.json", "manifest.json"]
