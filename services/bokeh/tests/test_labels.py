"""Names as readers see them: told apart, each in its own direction, short beside a plot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.labels import ISOLATE, NO_ISOLATES, RELEASE, isolate, shorten, tell_apart


def test_labels_that_repeat_carry_their_identifier_and_others_do_not() -> None:
    assert tell_apart([("a", "Ada"), ("b", "Bo"), ("c", "Ada")]) == {
        "a": "Ada (a)",
        "b": "Bo",
        "c": "Ada (c)",
    }


@pytest.mark.parametrize("name", ["شركة النور", "חברה", "Acme شركة", "٣"])
def test_name_from_right_to_left_is_isolated(name: str) -> None:
    assert isolate(name) == f"{ISOLATE}{name}{RELEASE}"
    assert isolate(name).translate(NO_ISOLATES) == name


@pytest.mark.parametrize("name", ["Texas", "東京", "'s-Hertogenbosch", "Zürich 2019", ""])
def test_any_other_name_stays_as_it_is(name: str) -> None:
    assert isolate(name) == name


@given(st.text(max_size=80), st.integers(3, 40))
def test_short_label_holds_its_room_and_ends_what_it_began(label: str, most: int) -> None:
    short = shorten(isolate(label), most)
    assert len(short) <= most
    assert short.startswith(ISOLATE) == isolate(label).startswith(ISOLATE)
    assert short.endswith(RELEASE) == isolate(label).endswith(RELEASE)


def test_short_labels_of_units_of_one_name_are_told_apart() -> None:
    labels = tell_apart([("01001", "Washington County"), ("02001", "Washington County")])
    assert len({shorten(label) for label in labels.values()}) == 2
