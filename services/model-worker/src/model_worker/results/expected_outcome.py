"""The model's mean of each row's outcome, on the model's scale and without the error term."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.data.row_order import neighbouring_rows
from model_worker.design.regression import apply_transform, lag_columns
from model_worker.study.definition import Study

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class ModelRows:
    """The panel's rows on the model's scale, with their neighbors in time.

    `outcome` and `treatment` (rows,) are transformed. `lags` (rows, lags) is the result of
    `lag_columns`. `time` (rows,) is the period's distance from the mean of the panel's periods.
    """

    outcome: Floats
    treatment: Floats
    lags: Floats
    time: Floats
    neighbour: Integers
    lag: Floats

    @classmethod
    def of(cls, study: Study, panel: Panel) -> Self:
        """Build the rows from a panel."""
        periods = np.asarray(panel.periods, dtype=np.int64)
        return cls(
            apply_transform(panel.outcome, study.toml.outcome.transform),
            apply_transform(panel.treatment, study.toml.treatment.transform),
            lag_columns(study, panel),
            (periods - periods.mean())[panel.period_index],
            *neighbouring_rows(panel.unit_index, panel.period_index, periods),
        )


def expected_outcome(value: dict[str, Floats], panel: Panel, given: ModelRows, rows: Integers) -> Floats:
    """Return the model's mean of the transformed outcome (rows, draw), without errors.

    Parameters
    ----------
    value
        Draws of each parameter, with the draw axis last.
    given
        All rows on the model's scale.
    rows
        Indices of the rows to compute.
    """
    units = panel.unit_index[rows]
    mean = value["unit_effect"][units] + value["period_effect"][panel.period_index[rows]]
    slope = value["beta_unit"][units] if "beta_unit" in value else value["beta"]
    mean += value["intercept"] + given.treatment[rows, None] * slope
    if "trend" in value:
        mean += given.time[rows, None] * value["trend"][units]
    if panel.control_names:
        mean += panel.controls[rows] @ value["gamma"]
    if "beta_lag" in value:
        mean += given.lags[rows] @ value["beta_lag"][1:]
    return mean
