"""The reading of a version's draws and panel from its trace, without xarray: 4 ms in place of 140."""

from collections.abc import Callable
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np

from dashboard.estimands import Floats
from dashboard.versions import LoadedVersion, count_bytes
from tracestore.errors import TraceCorrupt, TraceStoreError
from tracestore.manifest import Manifest

REQUIRED = {
    "posterior/beta": ("chain", "draw"),
    **dict.fromkeys(("panel/outcome", "panel/treatment", "band/lower", "band/upper"), ("unit", "period")),
}
OPTIONAL = {
    "posterior/beta_unit": ("chain", "draw", "unit"),
    # The middle of the band was called mean in versions made before.
    **dict.fromkeys(("band/median", "band/mean"), ("unit", "period")),
}


def load_version(
    manifest: Manifest, trace: Path, reserve: Callable[[int], None] = lambda _: None
) -> LoadedVersion:
    """Read a verified version into memory.

    `reserve` is called with the bytes that it will take before any of it is read, and may raise a
    `TraceStoreError`.

    Raises
    ------
    TraceCorrupt
        When the file lacks a variable of the contract, or one has other dims or sizes than the manifest,
        or it cannot be read at all.
    """
    try:
        with h5py.File(trace, "r") as file:
            found = _find_variables(file, manifest)
            slope = found.get("posterior/beta_unit", found["posterior/beta"])
            reserve(measure_version(manifest, by_unit=slope.ndim == 3))
            arrays = {name: _read(found[name]) for name in found if not name.startswith("posterior/")}
            draws = _read(slope)
    except TraceStoreError:
        raise
    except Exception as error:
        # The reader of HDF5 raises whatever a damaged file makes it raise.
        raise TraceCorrupt(f"{trace}: cannot be read as NetCDF ({type(error).__name__}: {error})") from error
    panel = {part: arrays[f"panel/{part}"] for part in ("outcome", "treatment")}
    band = {part: arrays[f"band/{part}"] for part in ("lower", "upper")}
    band["median"] = arrays["band/median" if "band/median" in arrays else "band/mean"]
    return LoadedVersion(manifest, draws.reshape(-1, *draws.shape[2:]), panel, band, trace)


def measure_version(manifest: Manifest, *, by_unit: bool) -> int:
    """Return the bytes that a version takes in memory, with slopes of the units' own or one for all."""
    units = len(manifest.units)
    draws = manifest.sampling.chains * manifest.sampling.draws
    return count_bytes(draws, units if by_unit else 1, units, len(manifest.periods))


def _find_variables(file: h5py.File, manifest: Manifest) -> dict[str, h5py.Dataset]:
    """Find the variables of the contract, and hold their dims and sizes against the manifest."""
    sizes = {
        "chain": manifest.sampling.chains,
        "draw": manifest.sampling.draws,
        "unit": len(manifest.units),
        "period": len(manifest.periods),
    }
    wanted = REQUIRED | {name: dims for name, dims in OPTIONAL.items() if name in file}
    faults: list[str] = []
    for name, dims in wanted.items():
        faults += _find_faults(file.get(name), name, dims, sizes)
    if not {"band/median", "band/mean"} & wanted.keys():
        faults.append("band/median is missing")
    if faults:
        raise TraceCorrupt(f"{file.filename}: {'; '.join(faults)}")
    return {name: file[name] for name in wanted}


def _find_faults(dataset: object, name: str, dims: tuple[str, ...], sizes: dict[str, int]) -> list[str]:
    if not isinstance(dataset, h5py.Dataset):
        return [f"{name} is missing"]
    found = tuple(dim[0].name.rpartition("/")[2] if len(dim) else "none" for dim in dataset.dims)
    if found != dims:
        return [f"{name} has dims {found}, expected {dims}"]
    if dataset.dtype.kind not in "fiu":
        return [f"{name} is of type {dataset.dtype}, expected numbers"]
    return [
        f"{name} has {size} along {dim}, the manifest {sizes[dim]}"
        for dim, size in zip(dims, dataset.shape, strict=True)
        if size != sizes[dim]
    ]


def _read(dataset: h5py.Dataset) -> Floats:
    values = np.empty(dataset.shape, dtype=np.float64)
    dataset.read_direct(values)
    return values
