"""The address of a page: what is written leads back, what is hostile or stale is answered with a notice."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_card, publish, tell

from dashboard.state import QUERY_MAX, ViewState, read_query, settle
from dashboard.traces import Shelf, TraceCache
from tracestore.store import TraceStore

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
states = st.builds(
    ViewState,
    study=st.none() | words,
    version=st.none() | words,
    unit=st.none() | words,
    change=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> TraceCache:
    root: Path = tmp_path_factory.mktemp("traces")
    publish(root)
    publish(root, make_card("another", "Another"))
    tell(root, "reading", "unpublished")
    made = TraceCache(TraceStore(root))
    made.poll()
    return made


def settle_query(cache: TraceCache, query: str) -> tuple[ViewState, tuple[str, ...]]:
    asked, notices = read_query(query)
    state, more = settle(asked, cache.shelf, cache.held)
    return state, notices + more


@given(states)
def test_a_state_comes_back_from_its_query(state: ViewState) -> None:
    assert read_query(state.to_query()) == (state, ())


@given(st.text(max_size=200))
def test_any_text_is_read_and_settled_to_something_that_exists(cache: TraceCache, query: str) -> None:
    state, _ = settle_query(cache, query)
    assert cache.held(state.study or "", state.version or "") is not None or state.study == "unpublished"


@given(states)
def test_settling_twice_changes_nothing_and_says_nothing(cache: TraceCache, asked: ViewState) -> None:
    once, _ = settle(asked, cache.shelf, cache.held)
    assert settle(once, cache.shelf, cache.held) == (once, ())


def test_an_empty_query_gives_the_first_published_study_with_its_defaults_and_no_notice(
    cache: TraceCache,
) -> None:
    state, notices = settle_query(cache, "")
    assert (state.study, state.unit, state.change, notices) == ("another", "AK", 1.0, ())


def test_a_full_query_is_kept_as_it_is(cache: TraceCache) -> None:
    version = cache.shelf.studies[1].current
    assert version is not None
    query = f"study=smoking&version={version.name}&unit=CA&change=12.5"
    state, notices = settle_query(cache, query)
    assert (state.to_query(), notices) == (query, ())


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("study=none", "There is no study"),
        ("study=../../etc", "There is no study"),
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
        ("study=%ff%fe%00", "There is no study"),
    ],
)
def test_what_cannot_be_used_is_said_and_replaced(cache: TraceCache, query: str, said: str) -> None:
    state, notices = settle_query(cache, query)
    assert any(said in notice for notice in notices), notices
    assert state.version is not None


def test_a_notice_quotes_no_more_than_a_line(cache: TraceCache) -> None:
    _, notices = settle_query(cache, "study=" + "x" * 1000)
    assert len(notices[0]) < 150


def test_unknown_keys_are_left_alone(cache: TraceCache) -> None:
    assert settle_query(cache, "utm_source=mail&study=smoking")[1] == ()


def test_the_last_of_a_repeated_key_counts(cache: TraceCache) -> None:
    assert settle_query(cache, "study=another&study=smoking")[0].study == "smoking"


def test_a_wish_for_an_unpublished_study_is_kept_until_it_is_published(cache: TraceCache) -> None:
    state, notices = settle_query(cache, "study=unpublished&unit=CA&change=5")
    assert (state.to_query(), notices) == ("study=unpublished&unit=CA&change=5", ())


def test_nothing_published_at_all_leaves_the_wish_untouched() -> None:
    asked = ViewState("smoking", None, "CA", 5.0)
    assert settle(asked, Shelf(), lambda _study, _version: None) == (asked, ())
