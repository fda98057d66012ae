"""The analyst's tab: what it computes of a trace, says, draws, and how it gets into a page."""

import asyncio
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from bokeh.document import Document
from bokeh.models import Column, Plot
from bokeh.models.layouts import LayoutDOM
from bokeh.models.widgets import Div
from synthetic import UNITS, open_store, publish
from synthetic_analysis import CHECKS

from dashboard.analysis import analyse
from dashboard.analyst import NAMES, WORDS, AnalystTab, make_sections, prepare_sections
from dashboard.analyst_account import write_opening_lines
from dashboard.analyst_words import say_ranks, say_traces
from dashboard.catalogue import VersionCache
from dashboard.convergence import COORDINATES_MOST, follow_chains, summarise_parameters
from dashboard.download_names import name_download
from dashboard.markup import write_table
from dashboard.versions import LoadedVersion
from tracestore.manifest import TRACE_FILE


def load(root: Path, **options: object) -> tuple[VersionCache, LoadedVersion]:
    name = publish(root, **options).version  # type: ignore[arg-type]
    _, versions = open_store(root)
    return versions, versions.request("smoking", name).result(30)


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> VersionCache:
    return load(tmp_path_factory.mktemp("traces"), analysed=True)[0]


@pytest.fixture(scope="module")
def version(versions: VersionCache) -> LoadedVersion:
    [version] = versions
    return version


def read(versions: VersionCache, version: LoadedVersion) -> dict[str, str]:
    """Read the text of every section, without markup."""
    return {
        name: re.sub("<[^>]*>", " ", " ".join(part.text for part in children if isinstance(part, Div)))
        for name, children in make_sections(versions, version)
    }


def figures(versions: VersionCache, version: LoadedVersion) -> dict[str, list[Plot]]:
    return {
        name: [part for part in children if isinstance(part, Plot)]
        for name, children in make_sections(versions, version)
    }


def test_parameters_are_told_the_fewest_effective_draws_first(version: LoadedVersion) -> None:
    rows = analyse(version).parameters
    effective = [min(row.ess_bulk, row.ess_tail) for row in rows]
    assert effective == sorted(effective)
    assert {row.name.partition("[")[0] for row in rows} == {"beta", "sigma", "rho", "unit_effect"}
    vector = next(row for row in rows if row.name.startswith("unit_effect["))
    assert (vector.coordinates, vector.examined) == (len(UNITS), len(UNITS))
    assert vector.name in {f"unit_effect[{unit.id}]" for unit in UNITS}


def test_of_a_wide_variable_an_even_part_is_examined_and_told() -> None:
    wide = np.random.default_rng(1).normal(size=(2, 50, COORDINATES_MOST + 100))
    wide[:, :, -1] = np.arange(50)
    posterior = xr.Dataset({"wide": (("chain", "draw", "unit"), wide)})
    labels = tuple(f"u{place}" for place in range(wide.shape[2]))
    [summary] = summarise_parameters(posterior, {"unit": labels})
    assert (summary.coordinates, summary.examined) == (COORDINATES_MOST + 100, COORDINATES_MOST)
    assert summary.name == f"wide[u{COORDINATES_MOST + 99}]"


def test_ranks_are_level_where_chains_agree_and_apart_where_they_do_not() -> None:
    draws = np.random.default_rng(1).normal(size=(2, 500))
    posterior = xr.Dataset(
        {"same": (("chain", "draw"), draws), "other": (("chain", "draw"), np.add(draws, [[0.0], [9.0]]))}
    )
    same, other = follow_chains(posterior)
    assert same.ranks == pytest.approx(np.ones_like(same.ranks), abs=0.5)
    assert other.ranks.tolist() == [[2.0] * 10 + [0.0] * 10, [0.0] * 10 + [2.0] * 10]
    assert "the emptiest, of other, holds 0 times it" in say_ranks((same, other))
    assert "The chains of other lie furthest apart: 2.0 standard" in say_traces((same, other))
    worst, _ = summarise_parameters(posterior, {})
    assert worst.name == "other"
    assert worst.r_hat > 1.5


def test_every_section_of_a_full_version_has_its_figure(
    versions: VersionCache, version: LoadedVersion
) -> None:
    drawn = {name: len(plots) for name, plots in figures(versions, version).items()}
    assert drawn == {
        "analyst-sampling": 0,
        "analyst-chains": 2,
        **dict.fromkeys(("analyst-energy", "analyst-replicates", "analyst-checks"), 1),
        **dict.fromkeys(("analyst-priors", "analyst-residuals", "analyst-leave-one-out"), 1),
        "analyst-least-squares": 1,
        **dict.fromkeys(("analyst-download", "analyst-model", "analyst-provenance"), 0),
    }
    assert tuple(drawn) == NAMES


def test_sentences_name_what_stands_against_the_model(versions: VersionCache, version: LoadedVersion) -> None:
    said = read(versions, version)
    assert "residual autocorrelation (9.00 in the data" in said["analyst-checks"]
    assert all(check.replace("_", " ") in said["analyst-checks"] for check in CHECKS)
    assert "1 of 3 distances: 1." in said["analyst-residuals"]
    assert "not to be relied on: AK 2000." in said["analyst-leave-one-out"]
    assert "for sigma." in said["analyst-priors"]
    assert "This fit passed its one check." in said["analyst-sampling"]
    assert "No draw diverged." in said["analyst-sampling"]
    assert "0.300 with errors clustered on 4 units" in said["analyst-least-squares"]
    assert "weak &amp; wide" in said["analyst-model"]
    assert version.manifest.identity.data_sha256 in said["analyst-provenance"]


def test_sentences_change_with_the_data(
    tmp_path: Path, versions: VersionCache, version: LoadedVersion
) -> None:
    other = read(*load(tmp_path, analysed=True, seed=2))
    mine = read(versions, version)
    for name in ("analyst-sampling", "analyst-chains", "analyst-energy", "analyst-replicates"):
        assert mine[name] != other[name]


def test_a_version_without_criticism_says_so_and_shows_the_rest(tmp_path: Path) -> None:
    old = load(tmp_path)
    said, drawn = read(*old), figures(*old)
    for name in ("energy", "replicates", "checks", "residuals", "leave-one-out", "priors", "least-squares"):
        assert "not part of this version" in said[f"analyst-{name}"]
        assert drawn[f"analyst-{name}"] == []
    assert len(drawn["analyst-chains"]) == 2
    assert "not stated in study.toml" in said["analyst-provenance"]


def test_a_trace_that_has_gone_leaves_the_account_of_it(tmp_path: Path) -> None:
    versions, version = load(tmp_path, analysed=True)
    version.trace.unlink()
    said = read(versions, version)
    assert "cannot be read any more" in said["analyst-chains"]
    assert "log y = a + b log x + e" in said["analyst-model"]


def test_figures_fit_a_telephone_and_hold_a_few_thousand_points(
    versions: VersionCache, version: LoadedVersion
) -> None:
    plots = [plot for those in figures(versions, version).values() for plot in those]
    assert all(plot.sizing_mode == "stretch_width" and plot.toolbar_location is None for plot in plots)
    assert sum(one.traces.size for one in analyse(version).chains) <= 5_000
    assert all(isinstance(plot, LayoutDOM) for plot in plots)


def test_sections_are_made_once_for_all_pages_of_a_version(
    versions: VersionCache, version: LoadedVersion
) -> None:
    assert versions.derive(version, prepare_sections) is versions.derive(version, prepare_sections)
    one, other = (make_sections(versions, version)[0][1][0] for _ in range(2))
    assert one is not other, "each page has a copy"


def test_a_table_of_words_alone_is_told_row_by_row_where_there_is_no_room() -> None:
    header, rows = ("parameter", "prior", "why"), [("beta", "Normal(0, 1)", "because")]
    assert 'class="told"' in write_table("a", header, rows, words=frozenset({1, 2}))
    assert 'class="told"' not in write_table("a", header, rows, words=frozenset({2}))


def test_markup_from_the_data_stays_text() -> None:
    table = write_table('a "name"', ("<b>",), [("<script>", "&")])
    assert "<script>" not in table
    assert "<b>" not in table
    assert 'aria-label="a &quot;name&quot;"' in table


def test_a_tab_costs_little_until_it_is_opened(versions: VersionCache, version: LoadedVersion) -> None:
    tab = AnalystTab(versions)
    assert [name for name, _ in tab.roots] == list(NAMES)
    assert sum(len(root.references()) for _, root in tab.roots) == len(NAMES)
    assert set(tab.words(version)) == set(WORDS)


async def run_callbacks(document: Document) -> None:
    """Run what is to be run on the next tick, again until nothing is."""
    while waiting := document.session_callbacks:
        document.remove_next_tick_callback(waiting[0])  # type: ignore[arg-type]
        result = waiting[0].callback()
        if result is not None:
            await result


@pytest.fixture
def two(tmp_path: Path) -> tuple[VersionCache, LoadedVersion, LoadedVersion]:
    """Two versions of a study in memory."""
    versions, one = load(tmp_path, analysed=True)
    other = versions.request("smoking", publish(tmp_path, analysed=True, seed=2).version).result(30)
    return versions, one, other


def test_an_open_tab_fills_section_by_section_and_follows_the_version(
    two: tuple[VersionCache, LoadedVersion, LoadedVersion],
) -> None:
    versions, version, other = two

    async def open_tab() -> list[str]:
        tab, document = AnalystTab(versions), Document()
        tab.show(version)
        assert all(isinstance(root, Column) and not root.children for _, root in tab.roots)
        for _, root in tab.roots:
            document.add_root(root)
        texts = []
        for shown in (version, other):
            tab.show(shown)
            tab.show(shown)
            said = [div.text for div in document.select({"type": Div})]
            assert len(said) == 1, "nothing of another version stands there until its own is"
            assert "Reading the draws" in said[0]
            await run_callbacks(document)
            texts.append(" ".join(div.text for div in document.select({"type": Div})))
        return texts

    first, second = asyncio.run(open_tab())
    assert version.name in first
    assert other.name in second
    assert version.name not in second


def test_a_tab_is_not_filled_for_a_reader_who_has_moved_on(
    two: tuple[VersionCache, LoadedVersion, LoadedVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    versions, version, other = two
    made: list[LoadedVersion] = []

    def count(_versions: VersionCache, version: LoadedVersion) -> tuple[()]:
        made.append(version)
        return ()

    monkeypatch.setattr("dashboard.analyst.make_sections", count)

    async def open_tab() -> None:
        tab, document = AnalystTab(versions), Document()
        for _, root in tab.roots:
            document.add_root(root)
        for shown in (version, other):
            tab.show(shown)
        await run_callbacks(document)

    asyncio.run(open_tab())
    assert made == [other], "of two versions the second one is wanted"


def test_the_lines_beside_the_download_open_the_trace(
    version: LoadedVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name_download(version.manifest, TRACE_FILE)).write_bytes(version.trace.read_bytes())
    notebook: dict[str, object] = {}
    lines = write_opening_lines(version.manifest)
    exec("\n".join(lines[:-1]), notebook)
    summary = eval(lines[-1], notebook)
    assert {"beta", "sigma", "rho"} <= set(summary.index)


def test_sections_are_few_models_each_so_that_putting_one_in_is_short(
    versions: VersionCache, version: LoadedVersion
) -> None:
    counts = {
        name: len(set().union(*(child.references() for child in children)))
        for name, children in make_sections(versions, version)
    }
    assert max(counts.values()) <= 70
    assert sum(counts.values()) <= 330
