"""Where a scenario leaves what the data have seen."""

import numpy as np
import pytest
from synthetic import make_card

from dashboard.reach import Reach, find_reach, leave_reach
from dashboard.words import say_beyond

# The first unit doubles over a gap and then falls by half; the second never moves.
PANEL = np.array([[1.0, np.nan, 2.0, 1.0], [4.0, 4.0, 4.0, 4.0]])


def test_reach_is_over_all_units_and_between_any_two_periods_of_one() -> None:
    assert find_reach(PANEL, "percent") == Reach(1.0, 4.0, -50.0, 100.0)
    assert find_reach(PANEL, "units") == Reach(1.0, 4.0, -1.0, 1.0)


def test_a_unit_that_is_never_observed_takes_nothing_away() -> None:
    panel = np.vstack((PANEL, np.full(4, np.nan)))
    assert find_reach(panel, "percent") == find_reach(PANEL, "percent")


@pytest.mark.parametrize(
    ("treatment", "change", "left"),
    [
        (2.0, 100, []),
        (2.0, 101, ["highest", "rise"]),
        (4.0, 1, ["highest"]),
        (2.0, -50, []),
        (2.0, -51, ["lowest", "fall"]),
        (4.0, -60, ["fall"]),
        (2.0, 0, []),
    ],
)
def test_a_scenario_is_beyond_the_data_only_past_their_edges(
    treatment: float, change: float, left: list[str]
) -> None:
    beyond = leave_reach(find_reach(PANEL, "percent"), treatment, change, "percent")
    assert [one.what for one in beyond] == left


def test_the_warning_names_the_value_and_the_limit() -> None:
    beyond = leave_reach(find_reach(PANEL, "percent"), 4.0, 150, "percent")
    said = say_beyond(make_card(), "New York", beyond)
    assert (
        said[0] == "State cigarette tax in New York would be 10.0 US$ per pack; no state had more than 4.00."
    )
    assert "100" in said[1]
