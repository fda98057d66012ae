"""Numbers in figures, sliders and texts, and the files that are served beside the page."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bokeh.core.validation import silence
from bokeh.core.validation.warnings import EMPTY_LAYOUT
from bokeh.document import Document
from bokeh.models.annotations import BoxAnnotation
from synthetic import load_served, make_card, open_store, publish

from conftest import SERVICE
from dashboard.assets import Assets
from dashboard.atlas import RANKED_MAX, Ranking, measure_height, thin_ranking
from dashboard.calendar_axis import TICKS, CalendarAxis
from dashboard.controls import choose_step
from dashboard.estimands import summarise
from dashboard.figures import EffectFigure, outline_band, trace_density
from dashboard.labels import SHORT
from dashboard.multiples import fit_cell
from dashboard.numerals import (
    MINUS,
    write_duration,
    write_interval,
    write_number,
    write_probability,
)
from dashboard.page import ROOTS, Page
from dashboard.plots import Easel
from dashboard.static_tree import export_tree, write_caching
from dashboard.theme import ACCENT, CHOSEN, COMPARED, DARK, EDGE, INK, MUTED, PAPER, PATH, PATH_EDGE
from dashboard.versions import EffectAnswer


def outline(lower: list[float]) -> dict[str, Any]:
    values = np.array(lower)
    return outline_band(np.arange(2000, 2000 + values.size), values, values + 1)


def luminance(color: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("color", [INK, EDGE, ACCENT, MUTED, PATH, PATH_EDGE, *COMPARED, CHOSEN])
def test_what_a_figure_means_stands_out_in_the_light_and_in_the_dark(color: str) -> None:
    assert contrast(color, PAPER) >= 3
    assert contrast(DARK[color], DARK[PAPER]) >= 3


def test_dots_inside_the_interval_are_told_from_those_outside() -> None:
    assert contrast(INK, EDGE) >= 2.5
    assert contrast(DARK[INK], DARK[EDGE]) >= 2.5


def test_the_interval_under_a_density_is_outlined_down_to_the_axis() -> None:
    effect = summarise(np.random.default_rng(1).normal(1, 1, 500))
    _, outline = trace_density(EffectAnswer(2009, 1, effect))
    assert (outline["x"][0], outline["x"][-1]) == (effect.lower, effect.upper)
    assert (outline["y"][0], outline["y"][-1]) == (0, 0)
    assert outline["y"][1:-1].min() > 0


def test_long_names_leave_a_ranking_its_plot_and_are_whole_on_hover(tmp_path: Path) -> None:
    long = "The Honourable Company of " * 4
    name = publish(tmp_path, labels=(long, "Alabama", "California", "New York")).version
    _, versions = open_store(tmp_path)
    version = versions.request("smoking", name).result(30)
    ranking = Ranking(Easel(), version)
    ranking.show(version.measure(10.0), "AK")
    [names] = ranking.plot.left
    assert max(len(label) for label in names.major_label_overrides.values()) == SHORT
    assert long in ranking.source.data["label"]


def test_the_place_of_a_ranking_is_as_high_as_its_rows() -> None:
    heights = [measure_height(count, mapped=False) for count in (2, 20, 60, 500)]
    assert heights == sorted(heights)
    assert heights[0] < 120
    assert heights[2] == heights[3]


def test_a_gap_in_the_panel_is_a_gap_in_the_band() -> None:
    band = outline([1, 2, np.nan, 4, 5, 6])
    assert [list(xs) for xs in band["xs"]] == [[2000, 2001, 2001, 2000], [2003, 2004, 2005, 2005, 2004, 2003]]
    assert list(band["ys"][0]) == [1, 2, 3, 2]


def test_a_lone_period_has_a_band_that_can_be_seen() -> None:
    band = outline([np.nan, 2, np.nan])
    assert np.ptp(band["xs"][0]) > 0


def test_a_unit_that_is_never_observed_has_no_band() -> None:
    assert outline([np.nan, np.nan]) == {"xs": [], "ys": []}


@pytest.mark.parametrize(
    ("span", "step"), [(150, 1), (200, 2), (1, 0.01), (20, 0.2), (1e6, 10_000), (0.003, 2e-5)]
)
def test_a_slider_has_about_a_hundred_round_steps(span: float, step: float) -> None:
    assert choose_step(span) == step


def test_a_span_that_no_number_holds_still_has_a_step() -> None:
    assert choose_step(np.inf) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1.8, "1.80"),
        (-0.0123456, "\N{MINUS SIGN}0.0123"),
        (1234567, "1,230,000"),
        (99.96, "100.0"),
        (1e-09, "1.00e\N{MINUS SIGN}09"),
        (float("inf"), "not a number"),
    ],
)
def test_numbers_are_written_to_three_digits(value: float, text: str) -> None:
    assert write_number(value) == text


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ((13_298.2, 13_311.4, 13_304.6), ("13,298", "13,311", "13,304.6")),
        ((-2.04, 18.4, 8.92), ("~2", "18", "8.9")),
        ((0.0589, 0.209, 0.132), ("0.06", "0.21", "0.132")),
        ((-0.04, 3.53, 0.870), ("0.0", "3.5", "0.87")),
        ((1_234_567, 1_690_000, 1_400_000), ("1,230,000", "1,690,000", "1,400,000")),
        ((3e-15, 4e-15), ("3.00e~15", "4.00e~15")),
        ((5.0, 5.0, 5.0), ("5.00", "5.00", "5.00")),
        ((float("nan"), float("nan"), 1.0), ("not a number", "not a number", "1.00")),
    ],
)
def test_an_interval_is_written_to_the_second_digit_of_its_width(
    values: tuple[float, ...], written: tuple[str, ...]
) -> None:
    assert write_interval(*values) == tuple(text.replace("~", MINUS) for text in written)


def test_no_probability_is_written_as_certain() -> None:
    assert [write_probability(value)[:4] for value in (0, 0.5, 1)] == ["less", "50.0", "more"]


def test_durations_are_coarse() -> None:
    assert [write_duration(seconds) for seconds in (2, 42, 600, 9000)] == [
        "a few seconds",
        "about 40 seconds",
        "about 10 minutes",
        "about 2.5 hours",
    ]


def test_a_document_has_the_same_roots_whatever_it_shows_and_is_valid(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Columns that are filled when they are first asked for.
    silence(EMPTY_LAYOUT)
    for prepare in (lambda: None, lambda: publish(tmp_path)):
        prepare()
        catalogue, versions = open_store(tmp_path)
        load_served(catalogue, versions)
        document = Document()
        Page(catalogue, versions, "").attach(document)
        document.validate()
        assert tuple(root.name for root in document.roots) == ROOTS
    assert not caplog.records


def test_the_exported_tree_is_what_the_urls_name(tmp_path: Path) -> None:
    assets = Assets.find(SERVICE)
    export_tree(tmp_path, assets)
    for path, url in assets.urls.items():
        digest = hashlib.sha256((tmp_path / path).read_bytes()).hexdigest()
        assert url == f"static/{path}?v={digest[:16]}"
    files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert files == set(assets.urls)


def test_nginx_is_told_to_have_each_url_of_a_page_kept_for_good_and_no_other(tmp_path: Path) -> None:
    assets = Assets.find(SERVICE)
    write_caching(tmp_path / "caching.map", assets)
    entries = [line.split(maxsplit=1) for line in (tmp_path / "caching.map").read_text().splitlines()]
    assert [url for url, _ in entries] == [f'"/{url}"' for url in assets.urls.values()]
    assert {caching for _, caching in entries} == {'"public, max-age=31536000, immutable";'}


def test_assets_that_are_missing_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Assets.find(tmp_path)
    assert all(name in str(caught.value) for name in ("page.js", "controls.css", "favicon.svg"))


def test_what_is_negligible_is_a_band_on_the_axis_of_the_effect() -> None:
    figure = EffectFigure(Easel(), "effect")
    answer = EffectAnswer(2009, 1, summarise(np.random.default_rng(0).normal(3, 1, 500)))
    figure.show(answer, 0.5, (), dots=False)
    (band,) = [one for one in figure.plot.center if isinstance(one, BoxAnnotation)]
    assert (band.left, band.right, band.visible) == (-0.5, 0.5, True)
    figure.show(answer, None, (), dots=False)
    assert not band.visible


@pytest.mark.parametrize("dots", [True, False])
def test_zero_is_on_the_axis_of_every_effect(dots: bool) -> None:
    figure = EffectFigure(Easel(), "effect")
    for mean in (-50, 50):
        answer = EffectAnswer(2009, 1, summarise(np.random.default_rng(0).normal(mean, 1, 500)))
        figure.show(answer, None, (answer,), dots=dots)
        assert figure.plot.x_range.start < 0 < figure.plot.x_range.end


def test_a_ranking_that_is_too_long_keeps_its_ends_and_the_chosen_unit() -> None:
    order = np.arange(500)[::-1]
    thinned = thin_ranking(order, 250)
    assert thinned.size == RANKED_MAX + 1
    assert list(thinned[:2]) == [499, 498]
    assert thinned[-1] == 0
    assert 250 in thinned
    assert (np.diff(thinned) < 0).all()


def test_a_cell_of_small_multiples_holds_its_line_whatever_its_scale() -> None:
    for values in ([1e9, 2e9, np.nan, 1.5e9], [5.0, 5.0, 5.0, 5.0], [np.nan] * 4):
        x, y = fit_cell(np.array(values), (3, 2))
        inside = np.isfinite(y)
        assert (np.abs(x - 3) < 0.5).all()
        assert (np.abs(y[inside] - 2) < 0.5).all()
        assert list(inside) == list(np.isfinite(values))


def test_other_units_than_states_are_ranked(tmp_path: Path) -> None:
    card = make_card()
    name = publish(tmp_path, card).version
    _, versions = open_store(tmp_path)
    version = versions.request(card.name, name).result(30)
    ranking = Ranking(Easel(), version)
    measure = version.measure(10.0, 0.9)
    ranking.show(measure, "NY")
    means = list(ranking.source.data["mean"])
    assert means == sorted(means, reverse=True)
    assert len(means) == len(version.manifest.units)
    assert list(ranking.source.data["color"]).count(CHOSEN) == 1


def test_an_axis_of_labelled_periods_has_labels_and_one_of_numbers_has_none() -> None:
    easel = Easel()
    axis = easel.axis(easel.plot("outcome"), "below", whole=True)
    numbers, calendar = axis.ticker, CalendarAxis(axis)
    quarters = tuple(f"{2000 + place // 4}Q{place % 4 + 1}" for place in range(10))
    calendar.show(range(8000, 8010), quarters)
    assert axis.major_label_overrides == {8000: "2000Q1", 8003: "2000Q4", 8006: "2001Q3", 8009: "2002Q2"}
    assert axis.ticker.ticks == list(axis.major_label_overrides)
    assert len(axis.ticker.ticks) == TICKS
    calendar.show(range(2000, 2010), tuple(range(2000, 2010)))
    assert axis.ticker is numbers
    assert axis.major_label_overrides == {}
