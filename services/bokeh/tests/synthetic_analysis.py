"""The groups and cards that a trace has for analysts, synthetic but of the contract's form."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from tracestore.criticism import (
    Criticism,
    LeastSquaresCard,
    LeaveOneOut,
    ModelCard,
    PredictiveCheck,
    PriorCard,
    Sensitivity,
)

Floats = NDArray[np.float64]
CHECKS = ("location", "spread", "residual_autocorrelation")
REPLICATES = 50
LIMIT = 0.7


def make_groups(outcome: Floats, beta: Floats, seed: int) -> dict[str, xr.Dataset]:
    """Make every group beside the draws of `beta` (chain, draw) and the panel (unit, period).

    The innovations of the first unit's first period have a Pareto k above `LIMIT`; statistics of the data
    are those of replicates, but for the last check, which is far beyond them.
    """
    rng = np.random.default_rng(seed)
    cells = ("unit", "period")
    both = ("chain", "draw")
    replicated = outcome * np.exp(rng.normal(0, 0.05, (REPLICATES, *outcome.shape)))
    statistics = rng.normal(0, 1, (len(CHECKS), REPLICATES))
    observed = rng.normal(0, 1, statistics.shape)
    observed[-1] = 9.0
    k = np.where(np.isfinite(outcome), 0.2, np.nan)
    k[0, 0] = 0.9
    more = {
        "sigma": (both, np.exp(rng.normal(0, 0.1, beta.shape))),
        "rho": (both, rng.uniform(0.4, 0.6, beta.shape)),
        "unit_effect": (("chain", "draw", "unit"), rng.normal(0, 1, (*beta.shape, len(outcome)))),
    }
    return {
        "posterior": xr.Dataset({"beta": (both, beta), **more}),
        "sample_stats": xr.Dataset(
            {
                "diverging": (both, np.zeros(beta.shape, dtype=bool)),
                "energy": (both, rng.normal(10, 1, beta.shape)),
            }
        ),
        "posterior_predictive": xr.Dataset(
            {"outcome": (("replicate", *cells), replicated.astype(np.float32))}
        ),
        "predictive_check": xr.Dataset(
            {
                "observed": (("check", "replicate"), observed),
                "replicated": (("check", "replicate"), statistics),
            },
            coords={"check": list(CHECKS)},
        ),
        "residual": xr.Dataset(
            {
                "innovation": (cells, np.where(np.isfinite(outcome), rng.normal(size=outcome.shape), np.nan)),
                "autocorrelation": ("lag", np.array([0.5, 0.01, -0.02])),
                "limit": ("lag", np.array([0.2, 0.2, 0.2])),
            },
            coords={"lag": [1, 2, 3]},
        ),
        "leave_one_out": xr.Dataset({"elpd": (cells, -k), "pareto_k": (cells, k)}),
        "prior": xr.Dataset(
            {
                "beta": (both, rng.normal(0, 2.5, (1, 1000))),
                "sigma": (both, np.abs(rng.normal(0, 2, (1, 1000)))),
                "rho": (both, rng.uniform(-0.9, 1, (1, 1000))),
            }
        ),
    }


def make_criticism(outcome: Floats) -> Criticism:
    """Make the manifest's part that goes with `make_groups`."""
    rows = int(np.isfinite(outcome).sum())
    return Criticism(
        predictive_checks=tuple(
            PredictiveCheck(name=name, observed=value, lower=-1.9, upper=1.9, probability=share)
            for name, value, share in zip(CHECKS, (0.1, -0.2, 9.0), (0.45, 0.6, 0.0), strict=True)
        ),
        leave_one_out=LeaveOneOut(
            elpd=-12.5,
            standard_error=3.25,
            effective_parameters=7.5,
            rows=rows,
            bad_rows=1,
            worst_k=0.9,
            worst="AK, 2000",
            threshold=LIMIT,
        ),
        sensitivity=(
            Sensitivity(parameter="beta", prior=0.01, likelihood=0.3, threshold=0.05),
            Sensitivity(parameter="sigma", prior=0.12, likelihood=0.4, threshold=0.05),
        ),
        least_squares=LeastSquaresCard(
            slope=-0.25,
            classical_error=0.02,
            classical_interval=(-0.29, -0.21),
            clustered_error=0.06,
            clustered_interval=(-0.4, -0.1),
            freedom=24,
            clusters=4,
        ),
    )


def make_model_card() -> ModelCard:
    """Make a model card with characters that HTML would take for its own."""
    return ModelCard(
        equations=("log y = a + b log x + e", "e ~ Normal(0, s), 0 < s"),
        words=("The outcome follows the treatment.",),
        priors=(PriorCard(parameter="beta", distribution="Normal(0, 2.5)", reason="weak & wide"),),
        limits=("It does not say what causes what.",),
    )
