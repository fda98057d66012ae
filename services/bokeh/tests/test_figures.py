"""What figures, sliders and texts make of numbers, and the files that are served beside the page."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bokeh.core.validation import silence
from bokeh.core.validation.warnings import EMPTY_LAYOUT
from bokeh.document import Document
from synthetic import publish

from conftest import SERVICE
from dashboard.assets import Assets
from dashboard.controls import choose_step
from dashboard.figures import outline_band
from dashboard.numerals import write_duration, write_number, write_probability
from dashboard.page import ROOTS, Page
from dashboard.static_tree import export_tree
from dashboard.traces import TraceCache
from tracestore.store import TraceStore


def outline(lower: list[float]) -> dict[str, Any]:
    values = np.array(lower)
    return outline_band(np.arange(2000, 2000 + values.size), values, values + 1)


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
    cache = TraceCache(TraceStore(tmp_path))
    for prepare in (lambda: None, lambda: publish(tmp_path)):
        prepare()
        cache.poll()
        document = Document()
        Page(cache, "").attach(document)
        document.validate()
        assert tuple(root.name for root in document.roots) == ROOTS
    assert not caplog.records


def test_the_exported_tree_is_what_the_urls_name(tmp_path: Path) -> None:
    assets = Assets.find(SERVICE)
    export_tree(tmp_path, assets)
    for path, url in assets.urls.items():
        digest = hashlib.sha256((tmp_path / path).read_bytes()).hexdigest()
        assert url == f"/static/{path}?v={digest[:16]}"
    files = {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file()}
    assert files == set(assets.urls)


def test_assets_that_are_missing_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        Assets.find(tmp_path)
    assert all(name in str(caught.value) for name in ("page.js", "controls.css", "favicon.svg"))
