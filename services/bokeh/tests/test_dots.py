"""Quantile dotplots: every dot stands for as much probability as any other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.dots import DOTS, stack_dots
from dashboard.estimands import summarise


@given(st.integers(0, 200), st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_dots_stand_in_whole_stacks_that_do_not_overlap(seed: int, place: float, spread: float) -> None:
    dots = stack_dots(summarise(np.random.default_rng(seed).normal(place, spread, 400)))
    assert dots.x.size == DOTS
    stacks = np.unique(dots.x)
    assert (np.diff(stacks) > 0.5 * dots.width).all()
    for stack in stacks:
        assert sorted(dots.y[dots.x == stack]) == [row + 0.5 for row in range((dots.x == stack).sum())]
    assert dots.rows > dots.y.max()


def test_the_share_of_dots_is_the_share_of_draws() -> None:
    effect = summarise(np.random.default_rng(0).normal(1, 1, 20_000))
    assert (stack_dots(effect).x > 0).mean() == pytest.approx(effect.probability, abs=0.04)


def test_draws_that_all_agree_are_one_stack() -> None:
    dots = stack_dots(summarise(np.full(10, 3.0)))
    assert set(dots.x) == {3.0}
    assert dots.width > 0
