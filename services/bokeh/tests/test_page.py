"""The page as visitors get it: over HTTP, and over the websocket while they and the volume change things."""

import json
import math
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import pytest
from bokeh.models.widgets import Div
from synthetic import make_card, make_fault, publish, tell
from visits import Visit, read_block

from conftest import Service, eventually, free_port
from dashboard.assets import PAGE_SCRIPTS, PAGE_SHEETS
from dashboard.live.connection import REFUSED
from dashboard.page import ROOTS
from dashboard.tables import TABLES
from tracestore.publisher import Publisher


@pytest.fixture
def visits() -> Iterator[list[Visit]]:
    opened: list[Visit] = []
    yield opened
    for visit in opened:
        visit.close()


@pytest.fixture
def published(shared: Service, study: str) -> str:
    """A study of this test's own with one version, which the running service already shows."""
    publish(shared.root, make_card(study, f"Another {study}"), slope=0.3)
    eventually(lambda: f"study={study}&" in say(shared, f"study={study}")["query"])
    return study


def test_a_page_that_comes_back_to_where_it_was_before_is_as_it_was_last(
    shared: Service, visits: list[Visit]
) -> None:
    first = Visit(shared, "study=smoking&unit=CA&change=5")
    first.wish(unit="NY")
    first.wait_for(lambda words: words["unit"] == "NY")
    first.close()
    visits.append(again := Visit(shared, "study=smoking&unit=AL&change=7&tab=analyst", first.token))
    assert (again.words["unit"], again.words["change-value"]) == ("AL", "7")
    assert again.words["choice-tab"] == "analyst"
    assert again.words["answered"] == "", "its wishes since were answered elsewhere"


def patch_column(visit: Visit) -> None:
    visit.find("outcome-data").patch({"value": [(0, 1e9)]})


def stream_into_column(visit: Visit) -> None:
    data = visit.find("outcome-data")
    data.stream({name: [values[-1]] for name, values in data.data.items()})


def add_root(visit: Visit) -> None:
    visit.document.add_root(Div(text="<b>planted</b>"))


def remove_root(visit: Visit) -> None:
    visit.document.remove_root(visit.find("outcome"))


def test_a_root_that_a_browser_adds_is_added_to_nothing(shared: Service, visits: list[Visit]) -> None:
    visits.append(visit := Visit(shared, "study=smoking&unit=CA"))
    add_root(visit)
    visit.document.title = "planted"
    visit.wish(unit="NY")
    words = visit.wait_for(lambda words: words["answered"] == "1")
    assert words["document-title"].startswith("Cigarette taxes")
    assert b"planted" not in shared.look("/?study=smoking").read()


@pytest.mark.parametrize("harm", [patch_column, stream_into_column, remove_root])
def test_who_sends_what_pages_do_not_send_is_shut_out_and_changes_nothing(
    shared: Service, visits: list[Visit], harm: Callable[[Visit], None]
) -> None:
    visits.append(hostile := Visit(shared, "study=smoking&unit=CA"))
    before = hostile.find("outcome-data").data["value"].tolist()
    harm(hostile)
    assert hostile.wait_until_closed() == REFUSED
    visits.append(other := Visit(shared, "study=smoking&unit=CA"))
    assert other.find("outcome-data").data["value"].tolist() == before
    assert tuple(root.name for root in other.document.roots) == ROOTS


def say(service: Service, query: str = "") -> dict[str, str]:
    """Return the words of a page as the server puts them into it."""
    words: dict[str, str] = read_block(service.ask(f"/?{query}")[1], "words")
    return words


def mean(words: dict[str, str], of: str = "effect-unit") -> float:
    return float(words[f"{of}-mean-value"])


def test_the_page_loads_external_scripts_only_and_all_of_them_exist(shared: Service) -> None:
    status, page = shared.ask("/?study=smoking")
    assert status == 200
    scripts = re.findall(r"<script([^>]*)>", page)
    assert all("src=" in script or 'type="application/json"' in script for script in scripts)
    assert not re.search(r"\son[a-z]+=|javascript:|https?://", page)
    linked = [unescape(url) for url in re.findall(r'(?:src|href)="([^"#]+)"', page)]
    assert len([url for url in linked if url.startswith("static/")]) == len(PAGE_SCRIPTS + PAGE_SHEETS) + 1
    assert len([url for url in linked if url.startswith("data/")]) == len(TABLES)
    assert {url: shared.ask(urljoin("/", url))[0] for url in linked} == dict.fromkeys(linked, 200)


def test_the_page_has_its_landmarks_one_heading_and_a_title_of_its_study(
    shared: Service, published: str
) -> None:
    _, page = shared.ask(f"/?study={published}&unit=NY")
    for part in (
        '<html lang="en"',
        "<header",
        "<main",
        "<footer",
        "<noscript>",
        'name="viewport"',
        "aria-live",
    ):
        assert part in page, part
    assert page.count("<h1") == 1
    assert f"<title>Another {published} \N{EN DASH} New York \N{EN DASH} Longitude</title>" in page


def test_the_page_says_its_numbers_in_text_without_script(shared: Service) -> None:
    _, page = shared.ask("/?study=smoking&unit=CA&change=10")
    words = read_block(page, "words")
    assert f'<data id="effect-unit-mean" value="{words["effect-unit-mean-value"]}"' in page
    assert words["effect-unit-heading"] == "Saving in California, 2009"
    assert words["effect-all-heading"] == "Saving in all states together, 2009"
    assert words["fitted"] == "21 November 2026, 02:34 UTC"
    low, high = float(words["effect-unit-low-value"]), float(words["effect-unit-high-value"])
    assert low < mean(words) < high


def test_labels_from_a_study_are_escaped(shared: Service) -> None:
    _, page = shared.ask("/?study=smoking")
    assert "<health>" not in page
    assert "Cigarette taxes &amp; &lt;health&gt; spending" in page


def test_the_page_names_its_replica(shared: Service) -> None:
    assert '<meta name="replica" content="replica-under-test">' in shared.ask("/?study=smoking")[1]


def test_choosing_a_unit_changes_the_numbers_the_figures_and_the_address(
    shared: Service, visits: list[Visit]
) -> None:
    visits.append(visit := Visit(shared, "study=smoking&unit=AL"))
    before = visit.words
    outcome = list(visit.find("outcome-data").data["value"])
    visit.wish(unit="NY")
    after = visit.wait_for(lambda words: "unit=NY" in words["query"])
    assert mean(after) != mean(before)
    assert mean(after, "effect-all") == mean(before, "effect-all")
    assert list(visit.find("outcome-data").data["value"]) != outcome
    assert after["outcome-heading"].startswith("Spending in New York")


def test_moving_the_slider_is_answered_at_once_changes_both_effects_and_ends_at_its_last_value(
    shared: Service, visits: list[Visit]
) -> None:
    visits.append(visit := Visit(shared, "study=smoking&unit=CA&change=1"))
    before = visit.words
    for change in range(2, 21):
        visit.slide(change)
    answers = [before["query"]]

    def is_last(words: dict[str, str]) -> bool:
        if words["query"] != answers[-1]:
            answers.append(words["query"])
        return words["query"].endswith("change=20")

    after = visit.wait_for(is_last)
    assert answers[1].endswith("change=2"), "the first is not kept waiting for the next"
    assert mean(after) > mean(before)
    assert mean(after, "effect-all") > mean(before, "effect-all")
    # y' = y 1.2^beta with a mean beta near -0.2: a saving of 3.6 % of about 300.
    assert mean(after) == pytest.approx(300 * (1 - 1.2**-0.2), rel=0.15)


def test_choosing_a_study_shows_it_with_its_defaults(
    shared: Service, published: str, visits: list[Visit]
) -> None:
    visits.append(visit := Visit(shared, "study=smoking&unit=CA&change=7"))
    visit.wish(study=published)
    after = visit.wait_for(lambda words: words["title"] == f"Another {published}")
    assert re.fullmatch(rf"study={published}&version=[0-9a-f]{{12}}&unit=AK&change=1", after["query"])
    assert float(after["effect-unit-probability-value"]) < 0.5


def test_a_wish_is_answered_by_its_number_also_where_it_changes_nothing(
    shared: Service, visits: list[Visit]
) -> None:
    visits.append(visit := Visit(shared, "study=smoking&unit=CA"))
    for change in ("5000", "5000", ""):
        number = visit.wish(change=change)
        after = visit.wait_for(lambda words, number=number: words["answered"] == number)
        assert (after["change-value"], after["query"][-10:]) == ("100", "change=100")


def test_what_can_be_chosen_is_told_apart_where_labels_repeat(
    shared: Service, study: str, visits: list[Visit]
) -> None:
    labels = ("Washington County", "Orange County", "Washington County", "Ada County")
    publish(shared.root, make_card(study, "One title"), labels=labels)
    publish(shared.root, make_card(f"{study}-b", "One title"))
    eventually(lambda: f"study={study}-b&" in say(shared, f"study={study}-b")["query"])
    visits.append(visit := Visit(shared, f"study={study}&unit=AK&compare=CA"))
    offered = json.loads(shared.ask("/studies.json")[1])
    assert [study, f"One title ({study})"] in offered
    assert [f"{study}-b", f"One title ({study}-b)"] in offered
    options = visit.find("options").data
    assert list(zip(options["value"], options["label"], strict=True)) == [
        ("AK", "Washington County (AK)"),
        ("AL", "Orange County"),
        ("CA", "Washington County (CA)"),
        ("NY", "Ada County"),
    ]
    assert "Washington County (AK)" in visit.words["headline"]
    assert "Washington County (CA)" in visit.words["compared"]
    visit.wish(unit="CA")
    after = visit.wait_for(lambda words: words["unit"] == "CA")
    assert "Washington County (CA)" in after["headline"]


@pytest.mark.parametrize("value", ["XX", "<script>", "../../etc/passwd"])
def test_a_unit_that_does_not_exist_is_answered_with_a_notice(
    shared: Service, visits: list[Visit], value: str
) -> None:
    visits.append(visit := Visit(shared, "study=smoking&unit=CA"))
    visit.wish(unit=value)
    visit.wait_for(lambda words: "There is no state" in words["notices"])


def test_no_change_at_all_has_no_density_and_no_effect(shared: Service) -> None:
    words = say(shared, "study=smoking&unit=CA&change=0")
    assert (mean(words), words["effect-unit-probability"]) == (0, "\N{EN DASH}")


def test_a_newer_version_is_announced_and_shown_when_asked_for(
    shared: Service, published: str, visits: list[Visit]
) -> None:
    visits.append(visit := Visit(shared, f"study={published}&unit=CA"))
    before = visit.words
    newer = publish(shared.root, make_card(published), seed=3, slope=-0.4)
    told = visit.wait_for(lambda words: newer.version in words["newer"])
    assert (told["version"], mean(told)) == (before["version"], mean(before))
    visit.click("switch")
    after = visit.wait_for(lambda words: words["version"] == newer.version)
    assert after["newer"] == ""
    assert "unit=CA" in after["query"]
    assert mean(after) > mean(before)


def test_a_link_to_an_older_version_shows_that_version(shared: Service, published: str) -> None:
    older = say(shared, f"study={published}")
    newer = publish(shared.root, make_card(published), seed=3)
    eventually(lambda: say(shared, f"study={published}")["version"] == newer.version)
    again = say(shared, older["query"])
    assert again["version"] == older["version"]
    assert newer.version in again["newer"]


def test_a_fit_in_progress_turns_into_the_dashboard(service: Service, visits: list[Visit]) -> None:
    service.start()
    eventually(service.ready)
    visits.append(visit := Visit(service))
    assert (visit.words["view"], visit.words["phase"]) == ("progress", "The worker is starting")
    tell(service.root, "sampling", draws_done=1000, draws_total=4000, eta_seconds=42)
    words = visit.wait_for(lambda words: words["progress"] == "25")
    assert (words["phase"], words["draws"], words["eta"]) == (
        "Drawing from the posterior",
        "1,000 of 4,000 draws",
        "about 40 seconds to go",
    )
    version = publish(service.root).version
    words = visit.wait_for(lambda words: words["view"] == "dashboard")
    assert words["version"] == version
    assert math.isfinite(mean(words))


def test_a_wish_in_the_address_outlives_the_progress_page(
    shared: Service, study: str, visits: list[Visit]
) -> None:
    tell(shared.root, "compiling", study)
    eventually(lambda: say(shared, f"study={study}")["query"] == f"study={study}")
    visits.append(visit := Visit(shared, f"study={study}&unit=NY&change=9"))
    assert visit.words["query"] == f"study={study}&unit=NY&change=9"
    publish(shared.root, make_card(study))
    words = visit.wait_for(lambda words: words["view"] == "dashboard")
    assert words["query"].endswith("unit=NY&change=9")


def test_an_invalid_study_lists_its_faults_grouped_and_as_text(shared: Service, study: str) -> None:
    tell(shared.root, "invalid", study, faults=[make_fault(place) for place in range(1, 8)])
    eventually(lambda: say(shared, f"study={study}")["problems"] != "")
    _, page = shared.ask(f"/?study={study}")
    for part in ("Non numeric (7)", "and 2 more of this kind", "smoking.csv, line 1, column total"):
        assert part in page
    assert "<b>n/a</b>" not in page


def test_an_invalid_study_that_was_published_stays_with_a_notice(
    shared: Service, published: str, visits: list[Visit]
) -> None:
    visits.append(visit := Visit(shared, f"study={published}"))
    tell(shared.root, "invalid", published, faults=[make_fault(3)])
    words = visit.wait_for(lambda words: words["problems"] != "")
    assert words["view"] == "dashboard"
    assert f"you are looking at version {words['version']}" in words["notices"]


def test_an_unknown_study_is_answered_by_a_page_that_offers_the_list(shared: Service) -> None:
    status, page = shared.ask("/?study=%3Cb%3E&unit=CA")
    assert status == 404
    assert "There is no study “&lt;b&gt;” here." in page
    assert 'href="studies"' in page
    assert "render-item" not in page


def test_a_withdrawn_study_leaves_pages_lists_and_files_until_it_is_restored(
    shared: Service, published: str, visits: list[Visit]
) -> None:
    visits.append(visit := Visit(shared, f"study={published}&unit=CA"))
    version = visit.words["version"]
    addresses = (
        *(f"/?study={published}", f"/data/units.csv?study={published}"),
        f"/download/{published}/{version}/trace.nc",
    )
    assert [shared.ask(address)[0] for address in addresses[:2]] == [200, 200]
    Publisher(shared.root).withdraw(published, "command")
    words = visit.wait_for(lambda words: words["view"] == "problem")
    assert words["problem-heading"] == f"There is no study “{published}” here"
    assert [shared.ask(address)[0] for address in addresses] == [404, 404, 404]
    assert published not in shared.ask("/studies")[1]
    assert published not in shared.ask("/studies.json")[1]
    Publisher(shared.root).restore(published)
    visit.wait_for(lambda words: words["view"] == "dashboard" and "unit=CA" in words["query"])


def test_a_version_that_is_damaged_on_the_disk_gives_way_to_the_one_before(
    shared: Service, study: str
) -> None:
    old = publish(shared.root, make_card(study, f"Damaged {study}")).version
    new = publish(shared.root, make_card(study, f"Damaged {study}"), seed=3).version
    trace = shared.root / study / new / "trace.nc"
    trace.chmod(0o644)
    trace.write_bytes(trace.read_bytes()[:-1] + b"!")
    words = eventually(
        lambda: (words := say(shared, f"study={study}"))["view"] == "dashboard" and words, timeout=30
    )
    assert words["version"] == old
    assert f"The version that is served, {new}, cannot be read" in words["notices"]


def test_a_failed_fit_says_why(shared: Service, study: str) -> None:
    tell(shared.root, "failed", study, error="r_hat of beta is 1.2")
    eventually(lambda: say(shared, f"study={study}")["problem-lead"] == "r_hat of beta is 1.2.")


def test_a_refit_and_its_failure_are_notices_on_what_is_shown(
    shared: Service, published: str, visits: list[Visit]
) -> None:
    visits.append(visit := Visit(shared, f"study={published}"))
    tell(shared.root, "sampling", published, draws_done=1, draws_total=2)
    visit.wait_for(lambda words: "A new fit of this study is in progress" in words["notices"])
    tell(shared.root, "failed", published, error="the disk is full")
    visit.wait_for(lambda words: "the disk is full" in words["notices"])
    tell(shared.root, "published", published)
    visit.wait_for(lambda words: words["notices"] == "")


def test_a_corrupt_publication_leaves_the_page_and_says_so(
    shared: Service, published: str, visits: list[Visit]
) -> None:
    visits.append(visit := Visit(shared, f"study={published}"))
    (shared.root / published / "current.json").write_text("{")
    words = visit.wait_for(lambda words: "cannot be read" in words["notices"])
    assert words["view"] == "dashboard"


def test_a_visitor_moves_to_another_replica_with_the_state_of_the_address(
    shared: Service, published: str, visits: list[Visit], tmp_path: Path
) -> None:
    visits.append(visit := Visit(shared, f"study={published}&unit=CA&change=1"))
    visit.wish(unit="NY")
    before = visit.wait_for(lambda words: "unit=NY" in words["query"])
    newer = publish(shared.root, make_card(published), seed=3)
    here = visit.wait_for(lambda words: words["newer"] != "")
    replica = Service(shared.root, free_port(), free_port(), tmp_path / "log2", shared.secret)
    replica.start()
    try:
        eventually(replica.ready)
        visits.append(moved := Visit(replica, before["query"], visit.token))
        # It has answered no wish of its own.
        assert moved.words == here | {"answered": ""}
        assert newer.version in moved.words["newer"]
    finally:
        replica.kill()


def test_periods_are_told_by_their_labels_wherever_they_have_some(shared: Service, study: str) -> None:
    quarters = tuple(f"{2000 + place // 4}Q{place % 4 + 1}" for place in range(10))
    publish(shared.root, make_card(study, f"Quarters {study}"), period_labels=quarters)
    eventually(lambda: f"study={study}&" in say(shared, f"study={study}")["query"])
    words = say(shared, f"study={study}&unit=NY")
    assert quarters[-1] in words["headline"]
    assert quarters[-1] in words["effect-unit-heading"]
    assert quarters[0] in words["alt-outcome"]
    _, table = shared.ask(f"/data/outcome.csv?study={study}&unit=NY")
    assert [line.split(",")[0] for line in table.splitlines()[1:]] == list(quarters)
