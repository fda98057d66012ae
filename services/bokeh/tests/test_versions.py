"""What a loaded version answers for all units together."""

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from synthetic import make_card, publish

from dashboard.state import ViewState
from dashboard.traces import StudyNow
from dashboard.versions import load_version
from dashboard.words import say_dashboard
from tracestore.errors import TraceCorrupt
from tracestore.store import TraceStore


@pytest.mark.parametrize(
    ("together", "share", "heading"),
    [("sum", 3, "Saving in all states together, 2009"), ("mean", 1, "Mean saving over all states, 2009")],
)
def test_all_units_make_one_figure_as_the_study_card_says(
    tmp_path: Path, together: str, share: int, heading: str
) -> None:
    card = make_card().model_copy(update={"together": together})
    name = publish(tmp_path, card).version
    verified = TraceStore(tmp_path).verified(card.name, name)
    version = load_version(verified.manifest, verified.trace)
    answer = version.effect_on_all(10)
    # Alaska is not observed in the last period, so that three of the four units count.
    single = [version.effect_on(unit, 10).effect for unit in ("AL", "CA", "NY")]
    mean = sum(effect.mean for effect in single if effect is not None) / 3
    assert answer.units == 3
    assert answer.effect is not None
    assert answer.effect.mean == pytest.approx(share * mean)
    state = ViewState(study=card.name, version=name, unit="CA", change=10)
    words = say_dashboard(state, version, StudyNow(card.name, version), ())
    assert words["effect-all-heading"] == heading


def test_variables_of_another_size_than_the_manifest_says_are_refused_unread(tmp_path: Path) -> None:
    card = make_card()
    verified = TraceStore(tmp_path).verified(card.name, publish(tmp_path, card).version)
    sampling = verified.manifest.sampling.model_copy(update={"draws": 499})
    manifest = verified.manifest.model_copy(update={"sampling": sampling})
    with pytest.raises(TraceCorrupt, match="posterior/beta has 500 along draw, the manifest 499"):
        load_version(manifest, verified.trace)


@pytest.mark.parametrize("seed", range(12))
def test_damaged_bytes_that_carry_the_right_hash_are_corrupt_and_never_another_error(
    tmp_path: Path, seed: int
) -> None:
    card = make_card()
    verified = TraceStore(tmp_path).verified(card.name, publish(tmp_path, card, by_unit=True).version)
    rng, content = Random(seed), bytearray(verified.trace.read_bytes())
    # The beginning is where HDF5 keeps what refers to the rest.
    for _ in range(10):
        content[rng.randrange(8192)] = rng.randrange(256)
    verified.trace.write_bytes(content)
    with suppress(TraceCorrupt):
        load_version(verified.manifest, verified.trace)
