"""Axes of periods that have labels of their own: quarters, months and dates are whole numbers underneath."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import FixedTicker, Ticker

from dashboard.copies import PagePart

TICKS = 4
"""Few enough for labels such as 2005-03-31 to stand apart on a telephone."""


class CalendarAxis(PagePart):
    """An axis of periods, with a ticker of its own where periods have names."""

    def __init__(self, axis: Any) -> None:
        self._axis = axis
        self._numbers: Ticker = axis.ticker
        self._shown: tuple[int | str, ...] = ()

    def show(self, periods: Sequence[int], names: tuple[int | str, ...]) -> None:
        """Label each tick with its period's name, or its number where names are numbers."""
        if names == self._shown:
            return
        self._shown = names
        if all(isinstance(name, int) for name in names):
            if self._axis.ticker is not self._numbers:
                self._axis.update(ticker=self._numbers, major_label_overrides={})
            return
        places = np.unique(np.linspace(0, len(periods) - 1, min(TICKS, len(periods))).round().astype(int))
        labels = {int(periods[place]): str(names[place]) for place in places}
        self._axis.update(ticker=FixedTicker(ticks=list(labels)), major_label_overrides=labels)
