"""Draws of the headline effects, whose diagnostics the gate checks."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.design.regression import apply_transform, undo_transform
from model_worker.study.definition import Study

Floats = NDArray[np.float64]


def effects_of_change(study: Study, panel: Panel, posterior: xr.Dataset) -> xr.Dataset:
    """Return the draws of the default change's effect, in the outcome's units (docs/estimand.md).

    Returns
    -------
    xarray.Dataset
        `effect` (chain, draw, unit), at each unit's last row, and `effect_on_all` (chain, draw), the sum
        over the units observed in the last period. Units for which the change is undefined or zero are
        omitted, because their statistics are undefined.
    """
    toml = study.toml
    # Rows are assigned in time order, so each unit keeps its last row.
    last = np.zeros(len(panel.units), dtype=np.int64)
    order = np.argsort(panel.period_index, kind="stable")
    last[panel.unit_index[order]] = order
    shift = shift_of_change(study, panel.treatment[last])
    kept = np.flatnonzero(np.isfinite(shift) & (shift != 0))
    if not kept.size:
        return xr.Dataset()
    slope = posterior["beta_unit"] if "beta_unit" in posterior else posterior["beta"].expand_dims("unit", -1)
    draws = slope.transpose("chain", "draw", "unit").to_numpy()
    draws = draws[:, :, kept] if draws.shape[2] > 1 else draws
    outcome = panel.outcome[last[kept]]
    moved = apply_transform(outcome, toml.outcome.transform) + draws * shift[kept]
    effect = undo_transform(moved, toml.outcome.transform) - outcome
    variables: dict[str, tuple[tuple[str, ...], Floats]] = {"effect": (("chain", "draw", "unit"), effect)}
    present = panel.period_index[last[kept]] == len(panel.periods) - 1
    if present.any():
        variables["effect_on_all"] = (("chain", "draw"), effect[:, :, present].sum(axis=2))
    return xr.Dataset(variables, coords={"unit": [panel.units[place].id for place in kept]})


def shift_of_change(study: Study, before: Floats) -> Floats:
    """Return the default change in the transformed treatment; not finite where undefined."""
    change, transform = study.toml.what_if.change, study.toml.treatment.transform
    after = before * (1 + change.default / 100) if change.kind == "percent" else before + change.default
    with np.errstate(all="ignore"):
        shift: Floats = apply_transform(after, transform) - apply_transform(before, transform)
    return shift
