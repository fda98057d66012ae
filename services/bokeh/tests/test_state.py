"""The address of a page: what is written leads back, what is hostile or stale is answered with a notice."""

from collections import defaultdict
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest
from bokeh.document import Document
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic import load_served, make_card, open_store, publish, tell

from conftest import SERVICE
from dashboard.catalogue import Catalogue, Snapshot, VersionCache
from dashboard.page import Page
from dashboard.settling import Settled, find_study_fault, settle
from dashboard.state import COMPARED_MAX, MASSES, QUERY_MAX, ViewState, read_query
from dashboard.templates import load_templates


def urlencode_all(pairs: list[tuple[str, str]]) -> str:
    return urlencode(pairs, errors="replace")


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
states = st.builds(
    ViewState,
    study=st.none() | words,
    version=st.none() | words,
    unit=st.none() | words,
    change=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    compare=st.lists(words, unique=True, max_size=COMPARED_MAX).map(tuple),
    mass=st.sampled_from(MASSES),
    tab=st.sampled_from(["reader", "analyst"]),
    theme=st.sampled_from(["auto", "light", "dark"]),
    view=st.sampled_from(["density", "dots"]),
    multiples=st.booleans(),
    embed=st.booleans(),
)

# Half of what a hostile visitor sends has the keys that pages know, so that their values are reached.
KEYS = [
    *("study", "version", "unit", "change", "compare", "mass", "tab", "theme", "view", "multiples", "embed")
]
MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</script><b>",
    "{{7*7}}",
)
hostile_values = (
    st.sampled_from(MARKUP)
    | st.text(max_size=60)
    | st.floats().map(str)
    | st.sampled_from(
        ["", "0", "1e400", "-1e308", "../../../etc/passwd", "%00", "smoking", "CA", "NY", "analyst", "0.94"]
    )
)
hostile_queries = st.one_of(
    st.text(max_size=200),
    st.lists(st.tuples(st.sampled_from(KEYS), hostile_values), max_size=12).map(urlencode_all),
)


Opened = tuple[Catalogue, VersionCache]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """A store with two published studies in memory and one that is being read."""
    root: Path = tmp_path_factory.mktemp("traces")
    publish(root)
    publish(root, make_card("another", "Another"))
    tell(root, "reading", "unpublished")
    catalogue, versions = open_store(root)
    load_served(catalogue, versions)
    return catalogue, versions


def settle_state(opened: Opened, asked: ViewState) -> Settled:
    catalogue, versions = opened
    return settle(asked, catalogue.snapshot, versions)


def settle_query(opened: Opened, query: str) -> tuple[ViewState, tuple[str, ...]]:
    asked, notices = read_query(query)
    settled = settle_state(opened, asked)
    if settled.is_loading:
        # A version that nobody knows is looked for first.
        _, versions = opened
        assert versions.request(settled.state.study or "", settled.wanted or "").exception(30)
        settled = settle_state(opened, asked)
    return settled.state, notices + settled.notices


@given(states)
def test_a_state_comes_back_from_its_query(state: ViewState) -> None:
    assert read_query(state.to_query()) == (state, ())


@given(st.text(max_size=200))
def test_any_text_is_read_and_settled_to_something_that_exists(opened: Opened, query: str) -> None:
    state, _ = settle_query(opened, query)
    catalogue, versions = opened
    is_known = catalogue.snapshot.find(state.study) is not None and state.study != "unpublished"
    assert is_known == (versions.held(state.study or "", state.version or "") is not None)


@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hostile_queries)
def test_ten_thousand_hostile_queries_are_answered_without_an_exception(opened: Opened, query: str) -> None:
    state, notices = settle_query(opened, query)
    again, _ = settle_query(opened, state.to_query())
    assert again.to_query() == state.to_query()
    assert all(isinstance(notice, str) for notice in notices)


PAGE = load_templates(SERVICE).get_template("index.html")

wrapped_markup = st.tuples(st.text(max_size=8), st.sampled_from(MARKUP), st.text(max_size=8)).map("".join)
markup_queries = st.one_of(
    hostile_queries,
    st.lists(st.tuples(st.sampled_from(KEYS), wrapped_markup | hostile_values), max_size=8).map(
        urlencode_all
    ),
)


class Markup(HTMLParser):
    """Which elements a page has, and which attributes they have, as a browser reads it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag, "")} | {(tag, name) for name, _ in attrs}


@pytest.fixture(scope="module")
def open_page(opened: Opened) -> tuple[Page, Document]:
    page, document = Page(*opened, ""), Document()
    page.attach(document)
    return page, document


@pytest.fixture(scope="module")
def own_markup(opened: Opened) -> set[tuple[str, str]]:
    """Return the words of pages in all states that an address can ask for, and with a notice."""
    queries = [
        "unit=none-such",
        *(
            f"study={study}&tab={tab}"
            for study in ("smoking", "unpublished")
            for tab in ("reader", "analyst")
        ),
        "study=smoking&unit=CA&compare=NY&change=90&multiples=1&view=dots&theme=dark&embed=1&mass=0.5",
    ]
    found: set[tuple[str, str]] = set()
    for query in queries:
        page, document = Page(*opened, query), Document()
        page.attach(document)
        found |= Markup(render(document)).found
    return found


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(markup_queries)
def test_markup_in_a_query_never_becomes_markup_of_the_page(
    open_page: tuple[Page, Document], own_markup: set[tuple[str, str]], query: str
) -> None:
    page, document = open_page
    page.show(*read_query(query))
    html = render(document)
    assert Markup(html).found <= own_markup
    # Within a data block "<" is written as an escape, so that nothing there ends it.
    assert not any(markup in html for markup in MARKUP if "<" in markup)
    assert "49" not in html.partition('id="notices"')[2].partition("</ul>")[0] or "49" in query


def render(document: Document) -> str:
    item = {"token": "t", "roots": {}, "root_ids": []}
    return PAGE.render(
        words=document.template_variables["words"],
        render_item=item,
        assets=defaultdict(str),
        sheets=(),
        scripts=(),
        masses=["0.94"],
        dark={},
        replica="r",
    )


def test_units_to_compare_are_counted_after_what_is_not_there_is_left_out(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.settling.COMPARED_MAX", 2)
    query = "study=smoking&unit=AK&compare=AK&compare=XX&compare=AL&compare=CA"
    state, notices = settle_query(opened, query)
    assert state.compare == ("AL", "CA")
    assert not any("At most" in notice for notice in notices)
    state, notices = settle_query(opened, f"{query}&compare=NY")
    assert state.compare == ("AL", "CA")
    assert "At most 2" in notices[-1]


def test_a_value_cannot_write_lines_of_its_own_into_a_notice(opened: Opened) -> None:
    _, notices = settle_query(opened, "study=smoking&unit=x%0AThis+study+was+withdrawn%E2%80%AE")
    assert len(notices) == 1
    assert notices[0].isprintable()
    assert "\n" not in notices[0]


@given(states)
def test_settling_twice_changes_nothing_and_says_nothing(opened: Opened, asked: ViewState) -> None:
    once = settle_state(opened, asked)
    if once.version is not None:
        again = settle_state(opened, once.state)
        assert (again.state, again.notices) == (once.state, ())


def test_an_empty_query_gives_the_first_published_study_with_its_defaults_and_no_notice(
    opened: Opened,
) -> None:
    state, notices = settle_query(opened, "")
    assert (state.study, state.unit, state.change, notices) == ("another", "AK", 1.0, ())


def test_a_full_query_is_kept_as_it_is(opened: Opened) -> None:
    entry = opened[0].snapshot.find("smoking")
    assert entry is not None
    query = f"study=smoking&version={entry.current}&unit=CA&change=12.5"
    state, notices = settle_query(opened, query)
    assert (state.to_query(), notices) == (query, ())


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("study=smoking&unit=XX", "There is no state"),
        ("study=smoking&unit=%3Cscript%3Ealert(1)%3C/script%3E", "There is no state"),
        ("study=smoking&version=000000000000", "is not available"),
        ("study=smoking&version=../../etc", "is not available"),
        ("change=abc", "is not a number"),
        ("change=nan", "is not a number"),
        ("change=inf", "is not a number"),
        ("change=1e999", "is not a number"),
        ("change=1000", "is outside"),
        ("change=-51", "is outside"),
        ("unit=" + "A" * QUERY_MAX, "too long"),
        ("&".join("a=1" for _ in range(200)), "cannot be read"),
        ("study=smoking&compare=XX", "to compare with"),
        ("mass=0.42", "is not a mass"),
        ("mass=nan", "is not a mass"),
        ("tab=secret", "is not a tab"),
        ("theme=neon", "is not a theme"),
        ("view=pie", "is not a view"),
        ("multiples=yes", "is not a value"),
        ("embed=true", "is not a value"),
    ],
)
def test_what_cannot_be_used_is_said_and_replaced(opened: Opened, query: str, said: str) -> None:
    state, notices = settle_query(opened, query)
    assert any(said in notice for notice in notices), notices
    assert state.version is not None


def test_a_notice_quotes_no_more_than_a_line(opened: Opened) -> None:
    _, notices = settle_query(opened, "study=smoking&unit=" + "x" * 1000)
    assert len(notices[0]) < 150


@pytest.mark.parametrize("name", ["none", "../../etc", "%ff%fe%00", "x" * 1000])
def test_an_unknown_study_is_said_to_be_missing_and_no_other_is_shown_in_its_place(
    opened: Opened, name: str
) -> None:
    fault = find_study_fault(f"study={name}", opened[0].snapshot)
    assert fault is not None
    assert fault.startswith("There is no study “")
    assert len(fault) < 100
    page = Page(*opened, f"study={name}&unit=CA")
    assert page.describe()["version"] == ""
    assert find_study_fault("study=smoking&unit=none", opened[0].snapshot) is None
    assert find_study_fault("", opened[0].snapshot) is None


def test_unknown_keys_are_left_alone(opened: Opened) -> None:
    assert settle_query(opened, "utm_source=mail&study=smoking")[1] == ()


def test_a_part_of_a_query_changes_that_part_of_a_state_alone() -> None:
    before = ViewState("smoking", None, "CA", 5.0, compare=("NY",), mass=0.5)
    assert read_query("theme=dark", before) == (replace(before, theme="dark"), ())
    assert read_query("compare=", before) == (replace(before, compare=()), ())
    assert read_query("compare=AL&compare=AK", before)[0].compare == ("AL", "AK")


def test_a_unit_is_not_compared_with_itself(opened: Opened) -> None:
    state, notices = settle_query(opened, "study=smoking&unit=CA&compare=CA&compare=NY")
    assert (state.compare, notices) == (("NY",), ())


def test_the_last_of_a_repeated_key_counts(opened: Opened) -> None:
    assert settle_query(opened, "study=another&study=smoking")[0].study == "smoking"


def test_a_wish_for_an_unpublished_study_is_kept_until_it_is_published(opened: Opened) -> None:
    state, notices = settle_query(opened, "study=unpublished&unit=CA&change=5")
    assert (state.to_query(), notices) == ("study=unpublished&unit=CA&change=5", ())


def test_nothing_published_at_all_leaves_the_wish_untouched(tmp_path: Path) -> None:
    asked = ViewState("smoking", None, "CA", 5.0)
    assert settle(asked, Snapshot(), open_store(tmp_path)[1]) == Settled(asked)
