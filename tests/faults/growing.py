"""Runs inside the worker's container: fills the store with studies and versions made of a fitted one.

    python growing.py studies N     studies as large as SOURCE, until there are so many besides
    python growing.py units N       a study of so many units
    python growing.py versions N    so many versions of one small study, one after another

A line of JSON says what was published, and while there is more to come how much has been.
"""

import io
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import h5netcdf
import numpy as np
import xarray as xr

from tracestore.manifest import TRACE_FILE, Manifest, ManifestDraft, Status, Unit, utc_now
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

ROOT = Path("/traces")
SOURCE = "cigarette-sales"
KEPT = 5
TELL_EVERY = 200
SMALL = {"unit": 3, "period": 8, "draw": 100, "replicate": 20}
"""How much of each dimension the trace of a small study has."""

REPLICATES_OF_ROWS = 4_000_000
ROWS_LEFT_OUT = 20_000
"""Above these, a trace has no replicated data and no rows left out (docs/trace-contract.md)."""


class Source:
    """The version that others are made of."""

    def __init__(self) -> None:
        store = TraceStore(ROOT)
        served = store.verified(SOURCE, store.current(SOURCE).version)
        self.manifest = served.manifest
        self.trace = served.trace.read_bytes()
        self.tree = xr.open_datatree(io.BytesIO(self.trace), engine="h5netcdf").load()

    def draft(self, name: str, seed: int, draws: int = 0, **changes: object) -> ManifestDraft:
        """Write the draft of a version of another study, with its own seed and so many draws a chain."""
        fields = {field: getattr(self.manifest, field) for field in ManifestDraft.model_fields}
        study = self.manifest.study.model_copy(update={"name": name, "title": f"{name}: prices and sales"})
        sizes = {"seed": seed, "draws": draws or self.manifest.identity.draws}
        made = {
            name: getattr(self.manifest, name).model_copy(update=sizes) for name in ("identity", "sampling")
        }
        return ManifestDraft(**fields | made | {"study": study, "created_at": utc_now()} | changes)

    def permute(self, seed: int) -> bytes:
        """Write the trace with its draws in another order: other bytes, the same answer."""
        file = io.BytesIO(self.trace)
        with h5netcdf.File(file, "r+") as trace:
            for group in ("posterior", "sample_stats"):
                for variable in trace[group].variables.values():
                    if variable.dimensions[:2] == ("chain", "draw"):
                        order = np.random.default_rng(seed).permutation(variable.shape[1])
                        variable[...] = variable[...][:, order]
        return file.getvalue()

    def resize(self, sizes: dict[str, int]) -> xr.DataTree:
        """Write the trace with so many of each dimension, its units again and again where there are few."""
        unit_count = sizes.get("unit", len(self.manifest.units))
        rows = unit_count * sizes.get("period", len(self.manifest.periods))
        left_out = set()
        if rows > ROWS_LEFT_OUT:
            left_out |= {"leave_one_out"}
        if rows * sizes.get("replicate", 200) > REPLICATES_OF_ROWS:
            left_out |= {"posterior_predictive", "predictive_check", "residual"}
        kept = {name: node.to_dataset() for name, node in self.tree.children.items() if name not in left_out}
        return xr.DataTree.from_dict({name: _resize(part, sizes) for name, part in kept.items()})


def _resize(part: xr.Dataset, sizes: dict[str, int]) -> xr.Dataset:
    places = {name: np.arange(size) % part.sizes[name] for name, size in sizes.items() if name in part.dims}
    part = part.isel(places)
    if "unit" in places:
        part = part.assign_coords(unit=[name_unit(number) for number in range(sizes["unit"])])
    return part


def name_unit(number: int) -> str:
    """Name a unit."""
    return f"U{number:05d}"


def write_tree(tree: xr.DataTree) -> bytes:
    """Write a trace as the file's bytes."""
    path = Path("/tmp/grown.nc")
    tree.to_netcdf(path, engine="h5netcdf")
    content = path.read_bytes()
    path.unlink()
    return content


def publish(draft: ManifestDraft, trace: Callable[[], bytes]) -> Manifest:
    """Publish a version, with the status that a worker leaves."""
    publisher = Publisher(ROOT)
    content = trace()
    manifest = publisher.publish(draft, lambda directory: (directory / TRACE_FILE).write_bytes(content))
    study, now = draft.study, utc_now()
    publisher.write_status(
        Status(study=study.name, title=study.title, phase="published", started_at=now, updated_at=now)
    )
    return manifest


def tell(**parts: object) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(parts) + "\n")
    sys.stdout.flush()


def add_studies(count: int) -> None:
    """Publish studies until there are so many beside the source."""
    source, there = Source(), set(TraceStore(ROOT).studies())
    for number in range(count):
        name = f"grown-{number:05d}"
        if name not in there:
            publish(source.draft(name, number), lambda number=number: source.permute(number))  # type: ignore[misc]
        if number % TELL_EVERY == 0:
            tell(published=number)
    tell(studies=[f"grown-{number:05d}" for number in range(count)])


def add_units(count: int) -> None:
    """Publish a study of so many units."""
    source, name = Source(), f"units-{count}"
    units = tuple(Unit(id=name_unit(number), label=f"Unit {number}") for number in range(count))
    changes: dict[str, object] = {"units": units}
    if source.manifest.answer is not None:
        changes["answer"] = source.manifest.answer.model_copy(update={"units": count})
    trace = write_tree(source.resize({"unit": count}))
    publish(source.draft(name, count, **changes), lambda: trace)
    tell(studies=[name], trace_mb=len(trace) / 1e6)


def add_versions(count: int) -> None:
    """Publish versions of a small study one after another, and retire those that are not kept."""
    source, name, publisher = Source(), "many-versions", Publisher(ROOT)
    units = tuple(Unit(id=name_unit(number), label=f"Unit {number}") for number in range(SMALL["unit"]))
    changes = {"units": units, "periods": source.manifest.periods[: SMALL["period"]]}
    trace = write_tree(source.resize(SMALL))
    for number in range(count):
        publish(source.draft(name, number, SMALL["draw"], **changes), lambda: trace)
        publisher.retain(name, KEPT, timedelta(0))
        if number % TELL_EVERY == 0:
            tell(published=number)
    tell(studies=[name], kept=len(TraceStore(ROOT).versions(name)), trace_mb=len(trace) / 1e6)


if __name__ == "__main__":
    {"studies": add_studies, "units": add_units, "versions": add_versions}[sys.argv[1]](int(sys.argv[2]))
