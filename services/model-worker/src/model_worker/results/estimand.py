"""The effects that readers see first, so that the gate can ask whether their draws suffice."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.design.regression import apply_transform, undo_transform
from model_worker.study.definition import Study

Floats = NDArray[np.float64]


def effects_of_change(study: Study, panel: Panel, posterior: xr.Dataset) -> xr.Dataset:
    """Give the draws of the default change's effect on the outcome, in its units (docs/estimand.md).

    Returns
    -------
    xarray.Dataset
        `effect` (chain, draw, unit), at each unit's last row, and `effect_on_all` (chain, draw), the sum
        over the units observed in the last period. Units in which the change is not defined, or changes
        nothing, have no statistics and are left out.
    """
    toml = study.toml
    # Rows in the order of time, so that the last one written of each unit stays.
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
    """Give by how much the default change moves the transformed treatment; not finite where undefined."""
    change, transform = study.toml.what_if.change, study.toml.treatment.transform
    after = before * (1 + change.default / 100) if change.kind == "percent" else before + change.default
    with np.errstate(all="ignore"):
        shift: Floats = apply_transform(after, transform) - apply_transform(before, transform)
    return shift
