"""All that the analyst's tab shows of a trace's draws."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from dashboard import convergence, criticism
from dashboard.versions import LoadedVersion
from tracestore.errors import TraceCorrupt
from tracestore.manifest import Manifest


@dataclass(frozen=True, eq=False)
class Analysis:
    """The numbers behind figures and tables; None or empty where the version has none.

    Of the parameters, that with the fewest effective draws is the first. The divergences are those of all
    draws after tuning.
    """

    parameters: tuple[convergence.ParameterSummary, ...]
    chains: tuple[convergence.Chains, ...]
    energy: convergence.Energy | None
    divergences: int | None
    replicates: criticism.Replicates | None
    checks: tuple[criticism.CheckCurves, ...]
    residuals: criticism.Residuals | None
    cells: criticism.ParetoCells | None
    priors: tuple[criticism.PriorCurves, ...]


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

    def compare_replicates(group: xr.Dataset) -> criticism.Replicates | None:
        outcome = tree["panel"]["outcome"].transpose("unit", "period").to_numpy().astype(np.float64)
        return criticism.compare_replicates(outcome, group["outcome"], manifest.study.outcome.transform)

    posterior = tree["posterior"].to_dataset()
    labels = {
        "unit": tuple(unit.id for unit in manifest.units),
        "period": tuple(map(str, manifest.period_names)),
        "control": manifest.study.controls,
    }
    return Analysis(
        parameters=convergence.summarise_parameters(posterior, labels),
        chains=convergence.follow_chains(posterior),
        energy=read("sample_stats", convergence.weigh_energy),
        divergences=read("sample_stats", count_divergences),
        replicates=read("posterior_predictive", compare_replicates),
        checks=read("predictive_check", criticism.compare_checks) or (),
        residuals=read("residual", criticism.read_residuals),
        cells=read("leave_one_out", lambda group: criticism.find_cells(group["pareto_k"], manifest)),
        priors=read("prior", lambda group: criticism.compare_priors(group, posterior)) or (),
    )
