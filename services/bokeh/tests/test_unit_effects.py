"""All units at once against each unit on its own, and against intervals that ArviZ finds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arviz_stats.base.array import array_stats
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_card, publish

from dashboard.catalogue.trace_file import load_version
from dashboard.estimands import Estimand, compute_draws, find_intervals
from dashboard.unit_effects import compute_differences, compute_path
from dashboard.versions import LoadedVersion
from tracestore.store import TraceStore

stats: Any = array_stats


def load(root: Path, **options: Any) -> LoadedVersion:
    card = options.pop("card", make_card())
    name = publish(root, card, **options).version
    verified = TraceStore(root).verified(card.name, name)
    return load_version(verified.manifest, verified.trace)


@given(st.integers(0, 1000), st.sampled_from([0.5, 0.8, 0.94, 0.99]))
def test_intervals_of_many_columns_are_those_of_arviz_one_by_one(seed: int, mass: float) -> None:
    draws = np.sort(np.random.default_rng(seed).gamma(2, 1, (200, 3)), axis=0)
    lower, upper = find_intervals(draws, mass)
    for column in range(3):
        expected = stats.hdi(draws[:, column], mass)
        # Two intervals may be equally narrow; then either will do.
        assert upper[column] - lower[column] == pytest.approx(expected[1] - expected[0])


@pytest.mark.parametrize("sign", ["saving", "gain", "change"])
@pytest.mark.parametrize("change", [-30, 0, 10])
@pytest.mark.parametrize("by_unit", [True, False])
def test_each_unit_among_all_is_as_it_is_alone(
    tmp_path: Path, sign: str, change: float, by_unit: bool
) -> None:
    version = load(tmp_path, card=make_card().model_copy(update={"sign": sign}), by_unit=by_unit)
    together = version.measure(change, 0.8).effects
    for place, unit in enumerate(version.manifest.units):
        alone = version.effect_on(unit.id, change, 0.8)
        assert alone.effect is not None
        assert together.mean[place] == pytest.approx(alone.effect.mean)
        assert together.lower[place] == pytest.approx(alone.effect.lower)
        assert together.upper[place] == pytest.approx(alone.effect.upper)
        assert together.probability[place] == pytest.approx(alone.effect.probability)
        assert version.manifest.periods[together.period[place]] == alone.period


def test_path_ends_where_the_effect_says(tmp_path: Path) -> None:
    version = load(tmp_path, card=make_card().model_copy(update={"sign": "change"}), by_unit=True)
    path, series = version.path_of("CA", 10, 0.9), version.series_of("CA")
    answer = version.effect_on("CA", 10, 0.9)
    assert answer.effect is not None
    assert path.median[-1] - series.outcome[-1] == pytest.approx(np.median(answer.effect.ordered))
    assert path.lower[-1] - series.outcome[-1] == pytest.approx(answer.effect.lower)


def test_path_is_open_where_nothing_was_observed(tmp_path: Path) -> None:
    path = load(tmp_path).path_of("AK", 10)
    assert list(np.flatnonzero(np.isnan(path.median))) == [3, 8, 9]


def test_what_has_no_logarithm_is_missing_and_the_rest_is_not() -> None:
    estimand = Estimand("log", "log", "units", "change")
    slope = np.array([[0.1], [0.2]])
    added = compute_differences(slope, np.array([5.0, 5.0]), np.array([1.0, 3.0]), -2, estimand)
    assert np.isnan(added[:, 0]).all()
    assert np.isfinite(added[:, 1]).all()
    path = compute_path(slope, np.array([5.0, 5.0]), np.array([1.0, 3.0]), -2, estimand, 0.9)
    assert np.isnan(path.median[0])


@given(st.floats(-0.9, 3), st.integers(0, 50))
def test_what_ordered_slopes_add_is_in_order(change: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    slope = np.sort(rng.normal(0, 1, (20, 1)), axis=0)
    added = compute_differences(
        slope,
        rng.uniform(1, 9, 4),
        rng.uniform(1, 9, 4),
        100 * change,
        Estimand("log", "log", "percent", "gain"),
    )
    assert (np.diff(added, axis=0) >= 0).all()


@pytest.mark.parametrize("transform", ["log", "identity"])
def test_no_change_adds_nothing_at_all(transform: str) -> None:
    rng = np.random.default_rng(0)
    slope, outcome, treatment = rng.normal(0, 1, (50, 1)), rng.uniform(1, 9, 7), rng.uniform(1, 9, 7)
    estimand = Estimand(transform, transform, "percent", "change")  # type: ignore[arg-type]
    assert (compute_differences(slope, outcome, treatment, 0, estimand) == 0).all()
    assert (compute_draws(slope[:, 0], outcome, treatment, 0, estimand) == 0).all()


def test_a_change_too_small_to_see_in_the_outcome_is_still_computed() -> None:
    slope, outcome, treatment = np.array([[-0.5], [0.5]]), np.array([13_000.0]), np.array([2.0])
    added = compute_differences(slope, outcome, treatment, 1e-11, Estimand("log", "log", "percent", "gain"))
    assert added[:, 0] == pytest.approx([-6.5e-10, 6.5e-10], rel=1e-6)


def test_other_units_that_a_change_brings_beyond_the_data_are_named(tmp_path: Path) -> None:
    version = load(tmp_path)
    assert version.beyond_elsewhere("CA", 0) == ()
    last = {unit.label: version.series_of(unit.id) for unit in version.manifest.units}
    wanted = {
        label
        for label, series in last.items()
        if series.treatment[-1] * 5 > version.reach.highest and np.isfinite(series.outcome[-1])
    } - {"California"}
    assert wanted
    assert set(version.beyond_elsewhere("CA", 400)) == wanted
