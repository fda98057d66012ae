"""Assembly and writing of trace.nc, as specified in docs/trace-contract.md."""

from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from model_worker.data.panel import Panel
from tracestore.manifest import TRACE_FILE


def assemble_trace(
    panel: Panel, posterior: xr.Dataset, sample_stats: xr.Dataset, others: Mapping[str, xr.Dataset]
) -> xr.DataTree:
    """Build a trace from its groups.

    Returns
    -------
    xarray.DataTree
        Tree of the groups posterior, sample_stats and panel, and of `others` under their names.
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
    """Write a trace as NetCDF 4 to `TRACE_FILE` in a directory."""
    # Serialized in memory first: HDF5 writing to a full disk may end the process instead of raising.
    (directory / TRACE_FILE).write_bytes(trace.to_netcdf(engine="h5netcdf"))
