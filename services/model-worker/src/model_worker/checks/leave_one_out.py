"""Leave-one-out cross-validation by Pareto smoothed importance sampling (PSIS).

The rows of a unit with AR(1) errors are not independent given the parameters. One row is still left out at
a time, conditional on the unit's other rows. With precision `Q` of the unit's errors and ``g = Q e``, that
row has mean ``y - g / diag(Q)`` and variance ``1 / diag(Q)`` (Bürkner, Gabry and Vehtari 2021,
doi:10.1007/s00180-020-01045-4). `Q` is tridiagonal, with or without gaps. Student-t errors have no
closed form. For them, the likelihood of each row given the preceding row is used, so the row's innovation
is left out. The importance sampling follows Vehtari, Gelman and Gabry 2017 (doi:10.1007/s11222-016-9696-4).
"""

import numpy as np
import scipy.special
import scipy.stats
import xarray as xr
from arviz_stats.base.array import array_stats
from numpy.typing import NDArray

from model_worker.checks.ar1_whitening import Ar1Coefficients, PrecedingRows, whiten_errors
from model_worker.checks.pareto_smoothing import leave_out
from model_worker.data.panel import Panel
from model_worker.results.expected_outcome import ModelRows, expected_outcome
from model_worker.study.definition import Study
from tracestore.criticism import LeaveOneOut

Floats = NDArray[np.float64]

DRAWS = 1000
MOST_ROWS = 20_000


def log_likelihoods(study: Study, panel: Panel, value: dict[str, Floats]) -> Floats:
    """Return the log-likelihood (rows, draws) of each row conditional on its unit's other rows.

    Parameters
    ----------
    value
        Draws of each parameter, with the draw axis last.
    """
    rows, preceding = ModelRows.of(study, panel), PrecedingRows.of(panel)
    errors = rows.outcome[:, None] - expected_outcome(value, panel, rows, np.arange(len(panel.outcome)))
    ar1 = Ar1Coefficients.of(preceding, value.get("rho"))
    innovations = whiten_errors(errors, preceding, ar1, value["sigma"])
    if "nu" in value:
        heavy: Floats = scipy.stats.t.logpdf(innovations, value["nu"]) - np.log(ar1.spread * value["sigma"])
        return heavy
    gradient = innovations / ar1.spread
    precision = 1 / ar1.spread**2 + np.zeros_like(gradient)
    later = np.flatnonzero(preceding.lag > 0)
    if "rho" in value:
        earlier, carried = preceding.previous[later], ar1.carried[later]
        precision[earlier] += carried**2 / ar1.spread[later] ** 2
        gradient[earlier] -= carried * innovations[later] / ar1.spread[later]
    density: Floats = 0.5 * np.log(precision / (2 * np.pi)) - np.log(value["sigma"])
    density -= 0.5 * gradient**2 / precision
    return density


def leave_one_out(
    panel: Panel, posterior: xr.Dataset, densities: Floats, efficiency: float
) -> tuple[xr.Dataset, LeaveOneOut]:
    """Return the group leave_one_out and its summary for the manifest.

    Parameters
    ----------
    densities
        Log-likelihoods (rows, draws).
    efficiency
        Effective draws as a share of all draws, at most 1.

    Raises
    ------
    ValueError
        If any log-likelihood is not finite.
    """
    smoothed = leave_out(densities, efficiency)
    elpd, pareto_k = smoothed.expected, smoothed.k
    among_all = scipy.special.logsumexp(densities, axis=1) - np.log(densities.shape[1])
    worst = int(np.nan_to_num(pareto_k, nan=np.inf).argmax())
    threshold = min(1 - 1 / np.log10(densities.shape[1]), 0.7)
    period = panel.periods[panel.period_index[worst]]
    summary = LeaveOneOut(
        elpd=float(elpd.sum()),
        standard_error=float(np.sqrt(len(elpd)) * elpd.std(ddof=1)),
        effective_parameters=float((among_all - elpd).sum()),
        rows=len(elpd),
        bad_rows=int((~(pareto_k <= threshold)).sum()),
        worst_k=float(pareto_k[worst]),
        worst=f"{panel.units[panel.unit_index[worst]].id}, {period}",
        threshold=threshold,
    )
    coords = {"unit": posterior["unit"], "period": posterior["period"]}
    variables = {
        "elpd": (("unit", "period"), panel.grid(elpd)),
        "pareto_k": (("unit", "period"), panel.grid(pareto_k)),
    }
    return xr.Dataset(variables, coords=coords), summary


def efficiency_of(posterior: xr.Dataset, draws: int) -> float:
    """Return the effective share, at most 1, of `draws` thinned draws, for the worst parameter."""
    single = [values.to_numpy() for values in posterior.data_vars.values() if values.ndim == 2]
    measured = [array_stats.ess(values, method="mean") for values in single]  # type: ignore[no-untyped-call]
    effective = min(float(value) for value in measured)
    return min(1.0, effective / draws)
