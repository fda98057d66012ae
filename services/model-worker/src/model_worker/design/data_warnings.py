"""Warnings about the data of a panel; they do not stop the fit."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.design.regression import Design, apply_transform
from model_worker.design.specification import Specification
from model_worker.study.definition import Study
from model_worker.study.plurals import count_of

Floats = NDArray[np.float64]

FEW_PERIODS = 5
"""With fewer periods, the persistence of errors is hardly distinguishable from unit effects."""

SMALL_SHARE = 0.01
TINY_SHARE = 1e-4
"""Shares of the treatment's variance that remain after effects. Below `SMALL_SHARE` the slope is poorly
identified; below `TINY_SHARE` rounding and data errors can determine it."""

FAR = 8.0
"""Outlier threshold of the residuals after effects and regressors, in robust standard deviations from zero.
A million normal rows contain no outlier."""

_NAMED = 3


def find_data_warnings(study: Study, panel: Panel, design: Design) -> tuple[str, ...]:
    """Return the warnings about a panel, one sentence each."""
    left = design.space.residual(np.column_stack([design.outcome, design.regressors]))
    return (
        *_short(study, panel, design.specification),
        *_little_left(study, design, left[:, 1]),
        *_outliers(study, panel, design, left[:, 0] - left[:, 1:] @ design.least_squares.slopes),
        *_beyond(study, panel),
    )


def _short(study: Study, panel: Panel, chosen: Specification) -> Iterator[str]:
    unit, period = study.toml.unit, study.toml.period
    if chosen.autoregressive and len(panel.periods) < FEW_PERIODS:
        yield (
            f"There are {len(panel.periods)} {period.nouns}: with fewer than {FEW_PERIODS} the persistence of"
            f" errors is hardly told from the effects of {unit.nouns}."
        )
    single = np.flatnonzero(np.bincount(panel.unit_index, minlength=len(panel.units)) == 1)
    if single.size:
        pooled = chosen.own == 0
        known = f"of the slope only by comparing {unit.nouns}" if pooled else "nothing of the slope"
        yield (
            f"One {period.noun} alone is there of {single.size:,} of {len(panel.units):,} {unit.nouns}, which"
            f" tells {known}: {_names([panel.units[place].id for place in single])}."
        )


def _little_left(study: Study, design: Design, left: Floats) -> Iterator[str]:
    whole = design.regressors[:, 0]
    share = float(left @ left / np.sum((whole - whole.mean()) ** 2))
    if share >= SMALL_SHARE:
        return
    column, units, periods = study.toml.treatment.column, study.toml.unit.nouns, study.toml.period.nouns
    effects = "effects and trends" if design.specification.own == 2 else "effects"
    if design.specification.own == 0:
        yield (
            f'"{column}" hardly varies within {units} and {periods}, by {100 * share:.2g} % of its variance:'
            f" the slope comes from what {units} differ by, which is right only if levels do not go with it."
        )
    elif share < TINY_SHARE:
        yield (
            f'"{column}" is nearly collinear with the {effects}: they leave {share:.2g} of its variance, so'
            " that the slope rests on differences that may be rounding or mistakes."
        )
    else:
        yield (
            f'"{column}" hardly varies within {units} and {periods}: {effects} leave {100 * share:.2g} %'
            " of its variance, and the slope comes from that alone."
        )


def _outliers(study: Study, panel: Panel, design: Design, residual: Floats) -> Iterator[str]:
    # 1.4826 scales the median absolute deviation to the standard deviation of a normal distribution.
    spread = 1.4826 * float(np.median(np.abs(residual)))
    far = np.flatnonzero(np.abs(residual) > FAR * spread) if spread else np.empty(0, dtype=np.int64)
    if far.size:
        worst = far[np.argsort(-np.abs(residual[far]))]
        named = _names([_cell(panel, int(row)) for row in worst])
        chosen = design.specification
        offered = not chosen.heavy and chosen.own > 0
        other = '; tails = "student" in [model] gives them less weight' if offered else ""
        yield (
            f'Outliers in "{study.toml.outcome.column}": {far.size:,} of {count_of(len(residual), "row")} are'
            f" more than {FAR:g} robust standard deviations from what the others suggest: {named}."
            f" See that they are right{other}."
        )


def _beyond(study: Study, panel: Panel) -> Iterator[str]:
    treatment, change = study.toml.treatment, study.toml.what_if.change
    middle = float(np.median(panel.treatment))
    values = apply_transform(panel.treatment, treatment.transform)
    highest, lowest = np.full(len(panel.units), -np.inf), np.full(len(panel.units), np.inf)
    np.maximum.at(highest, panel.unit_index, values)
    np.minimum.at(lowest, panel.unit_index, values)
    largest = float((highest - lowest).max())
    for name, amount in (("default", change.default), ("min", change.min), ("max", change.max)):
        changed = middle * (1 + amount / 100) if change.kind == "percent" else middle + amount
        if treatment.transform == "log" and changed <= 0:
            yield (
                f'what_if.change.{name} takes the median of "{treatment.column}", {middle:g}, to {changed:g},'
                " which has no logarithm."
            )
            continue
        ends = apply_transform(np.array([middle, changed]), treatment.transform)
        if abs(float(ends[1] - ends[0])) > largest * (1 + 1e-9):
            yield (
                f"what_if.change.{name}, {amount:g}{' %' if change.kind == 'percent' else ''}, is a larger"
                f' change than any {study.toml.unit.noun} has seen of "{treatment.column}": its effect is the'
                " straight line's, not the data's."
            )


def _cell(panel: Panel, row: int) -> str:
    labels = panel.period_labels or tuple(map(str, panel.periods))
    return f"{panel.units[panel.unit_index[row]].id} {labels[panel.period_index[row]]}"


def _names(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
