"""trace.nc as docs/trace-contract.md has it, and its way into the store."""

from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from model_worker.data.panel import Panel
from tracestore.manifest import TRACE_FILE


def assemble_trace(
    panel: Panel, posterior: xr.Dataset, sample_stats: xr.Dataset, others: Mapping[str, xr.Dataset]
) -> xr.DataTree:
    """Put the groups of a trace together.

    Returns
    -------
    xarray.DataTree
        With the groups posterior, sample_stats and panel, and the others under their names.
    """
    coords = {"unit": posterior["unit"], "period": posterior["period"]}
    observed = xr.Dataset(
        {
            "outcome": (("unit", "period"), panel.grid(panel.outcome)),
            "treatment": (("unit", "period"), panel.grid(panel.treatment)),
        },
        coords=coords,
    )
    return xr.DataTree.from_dict(
        {"posterior": posterior, "sample_stats": sample_stats, "panel": observed, **others}
    )


def write_trace(trace: xr.DataTree, directory: Path) -> None:
    """Write a trace as NetCDF 4 into a directory, under the name the contract gives it."""
    # In memory first: HDF5 that writes to a full disk itself may end the process instead of raising.
    (directory / TRACE_FILE).write_bytes(trace.to_netcdf(engine="h5netcdf"))
