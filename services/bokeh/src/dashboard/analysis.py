"""All that the analyst's tab shows of a trace's draws."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from dashboard.convergence import (
    Chains,
    Energy,
    ParameterSummary,
    follow_chains,
    summarise_parameters,
    weigh_energy,
)
from dashboard.criticism import (
    REPLICATES_SHOWN,
    CheckCurves,
    ParetoCells,
    PriorCurves,
    Replicates,
    Residuals,
    compare_checks,
    compare_priors,
    compare_replicates,
    find_cells,
    read_residuals,
)
from dashboard.versions import LoadedVersion
from tracestore.errors import TraceCorrupt
from tracestore.manifest import Manifest


@dataclass(frozen=True, eq=False)
class Analysis:
    """The numbers behind figures and tables; None or empty where the version has none.

    Attributes
    ----------
    parameters
        That with the fewest effective draws first.
    divergences
        Of all draws after tuning; None where the sampler did not count them.
    """

    parameters: tuple[ParameterSummary, ...]
    chains: tuple[Chains, ...]
    energy: Energy | None
    divergences: int | None
    replicates: Replicates | None
    checks: tuple[CheckCurves, ...]
    residuals: Residuals | None
    cells: ParetoCells | None
    priors: tuple[PriorCurves, ...]

    def find(self, name: str) -> ParameterSummary | None:
        """Return the summary of a scalar parameter."""
        return next((one for one in self.parameters if one.name == name), None)


def analyse(version: LoadedVersion) -> Analysis:
    """Compute the analysis of a version. Blocks for a second or two: not for the event loop.

    Raises
    ------
    TraceCorrupt
        When the trace is no longer there, or is not of the contract's form.
    """
    return read_analysis(version.manifest, version.trace)


def read_analysis(manifest: Manifest, trace: Path) -> Analysis:
    """Read the groups of a trace and compute what is shown of them.

    Raises
    ------
    TraceCorrupt
        When the file cannot be read, or a group that is there lacks something of the contract.
    """
    try:
        with xr.open_datatree(trace, engine="h5netcdf") as tree:
            return _read(manifest, tree)
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise TraceCorrupt(f"{trace}: cannot be analysed ({error})") from error


def _read(manifest: Manifest, tree: xr.DataTree) -> Analysis:
    def group(name: str) -> xr.Dataset | None:
        return tree[name].to_dataset() if name in tree.children else None

    posterior = tree["posterior"].to_dataset()
    stats, prior = group("sample_stats"), group("prior")
    replicated, checks = group("posterior_predictive"), group("predictive_check")
    residual, left_out = group("residual"), group("leave_one_out")
    labels = {
        "unit": tuple(unit.id for unit in manifest.units),
        "period": tuple(map(str, manifest.period_names)),
        "control": manifest.study.controls,
    }
    outcome = tree["panel"].to_dataset()["outcome"].transpose("unit", "period").to_numpy()
    replicates = None
    if replicated is not None:
        some = replicated["outcome"].isel(replicate=slice(REPLICATES_SHOWN))
        replicates = compare_replicates(
            np.asarray(outcome, dtype=np.float64),
            some.transpose("replicate", "unit", "period").to_numpy(),
            manifest.study.outcome.transform,
        )
    return Analysis(
        parameters=summarise_parameters(posterior, labels),
        chains=follow_chains(posterior),
        energy=weigh_energy(stats) if stats is not None else None,
        divergences=int(stats["diverging"].sum()) if stats is not None and "diverging" in stats else None,
        replicates=replicates,
        checks=compare_checks(checks) if checks is not None else (),
        residuals=read_residuals(residual) if residual is not None else None,
        cells=find_cells(
            left_out["pareto_k"].transpose("unit", "period").to_numpy(),
            labels["unit"],
            manifest.periods,
            labels["period"],
        )
        if left_out is not None
        else None,
        priors=compare_priors(prior, posterior) if prior is not None else (),
    )
