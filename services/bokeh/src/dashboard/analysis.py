"""All that the analyst's tab shows of a trace's draws."""

from collections.abc import Callable
from dataclasses import dataclass

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

    Of the parameters, that with the fewest effective draws is the first. The divergences are those of all
    draws after tuning.
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


def analyse(version: LoadedVersion) -> Analysis:
    """Compute the analysis of a version. Blocks for a second or two: not for the event loop.

    Raises
    ------
    TraceCorrupt
        When the trace cannot be read any more, or a group that is there lacks something of the contract.
    """
    try:
        with xr.open_datatree(version.trace, engine="h5netcdf") as tree:
            return _read(version.manifest, tree)
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise TraceCorrupt(f"{version.trace}: cannot be analysed ({error})") from error


def _read(manifest: Manifest, tree: xr.DataTree) -> Analysis:
    def read[T](name: str, compute: Callable[[xr.Dataset], T]) -> T | None:
        return compute(tree[name].to_dataset()) if name in tree.children else None

    def count_divergences(stats: xr.Dataset) -> int | None:
        return int(stats["diverging"].sum()) if "diverging" in stats else None

    posterior = tree["posterior"].to_dataset()
    outcome = tree["panel"]["outcome"].transpose("unit", "period").to_numpy().astype(np.float64)
    units, periods = tuple(unit.id for unit in manifest.units), tuple(map(str, manifest.period_names))
    labels = {"unit": units, "period": periods, "control": manifest.study.controls}
    return Analysis(
        parameters=summarise_parameters(posterior, labels),
        chains=follow_chains(posterior),
        energy=read("sample_stats", weigh_energy),
        divergences=read("sample_stats", count_divergences),
        replicates=read(
            "posterior_predictive",
            lambda group: compare_replicates(outcome, group["outcome"], manifest.study.outcome.transform),
        ),
        checks=read("predictive_check", compare_checks) or (),
        residuals=read("residual", read_residuals),
        cells=read(
            "leave_one_out", lambda group: find_cells(group["pareto_k"], units, manifest.periods, periods)
        ),
        priors=read("prior", lambda group: compare_priors(group, posterior)) or (),
    )
