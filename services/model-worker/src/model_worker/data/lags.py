"""Distributed lags: the treatment some steps before each row, in the same unit.

With slopes b_0, ..., b_L at lags of 0 to L steps, ``sum_l b_l h(x_{t-l})`` equals
``beta h(x_t) + sum_{l>0} b_l (h(x_{t-l}) - h(x_t))``, where `beta` is the sum of the slopes: the long-run
slope. The lags are thus L additional columns with flat slopes, and every property of the slope in a model
without lags also applies to the long-run slope.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.study.definition import Study
from model_worker.study.faults import InvalidInput
from model_worker.study.plurals import count_of

Integers = NDArray[np.int64]


def take_lags(study: Study, panel: Panel) -> Panel:
    """Return the rows whose treatment is known at every requested lag, with the lagged treatments.

    A lag of one is one step of the panel: the greatest common divisor of the distances between its
    periods. Rows that are too early or follow a gap serve only as lags.

    Returns
    -------
    Panel
        Panel with `lagged` (rows, lags), the treatment 1 to `lags` steps before in its own units, and
        `lag_step`; the unchanged panel if the study requests no lags.

    Raises
    ------
    InvalidInput
        If a unit has no row with all lags, or all rows with all lags are in one period.
    """
    lags = study.toml.model.lags
    if not lags:
        return panel
    before = np.column_stack([_row_before(panel, lag) for lag in range(1, lags + 1)])
    kept = np.flatnonzero((before >= 0).all(axis=1))
    _require_rows(study, panel, kept)
    unit, period = panel.unit_index[kept], panel.period_index[kept]
    period_places, period_index = np.unique(period, return_inverse=True)
    return replace(
        panel,
        periods=tuple(panel.periods[place] for place in period_places),
        unit_index=unit,
        period_index=period_index.astype(np.int64),
        outcome=panel.outcome[kept],
        treatment=panel.treatment[kept],
        controls=panel.controls[kept],
        lagged=panel.treatment[before[kept]],
        lag_step=panel.step,
    )


def _row_before(panel: Panel, lag: int) -> Integers:
    periods = np.asarray(panel.periods, dtype=np.int64)
    wanted = periods - lag * panel.step
    found = np.searchsorted(periods, wanted)
    there = periods[np.minimum(found, len(periods) - 1)] == wanted
    rows = np.full((len(panel.units), len(periods)), -1)
    rows[panel.unit_index, panel.period_index] = np.arange(len(panel.outcome))
    place = np.where(there, found, 0)[panel.period_index]
    return np.where(there[panel.period_index], rows[panel.unit_index, place], -1)


def _require_rows(study: Study, panel: Panel, kept: Integers) -> None:
    counts = np.bincount(panel.unit_index[kept], minlength=len(panel.units))
    short = [unit.id for unit, count in zip(panel.units, counts, strict=True) if not count]
    several_periods = np.unique(panel.period_index[kept]).size > 1
    if not short and several_periods:
        return
    lags, unit, period = study.toml.model.lags, study.toml.unit.noun, study.toml.period
    steps = count_of(lags, "step")
    shown = ", ".join(short[:5]) + (f" and {len(short) - 5} more" if len(short) > 5 else "")
    raise InvalidInput(
        [
            study.fault(
                ("model", "lags"),
                kind="too_few_rows",
                value=str(lags),
                expected=f"a row of each {unit} whose treatment is known over {steps} before",
                found=f"none for {shown}" if short else f"such rows in one {period.noun} alone",
                advice=f"Take fewer lags, or add earlier {period.nouns}.",
            )
        ]
    )
