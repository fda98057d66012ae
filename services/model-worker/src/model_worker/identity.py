"""What decides the content of a fit, and so its version's name."""

import hashlib
from functools import cache
from importlib import metadata, resources

from model_worker.settings import Settings
from model_worker.study import Study
from tracestore.manifest import Identity

MODEL_MODULES = (
    "answer",
    "band",
    "card",
    "cautions",
    "cells",
    "clean_csv",
    "columns",
    "counterfactual",
    "criticism",
    "csv_bytes",
    "data_file",
    "design",
    "diagnostics",
    "effects",
    "estimand",
    "fit",
    "gram",
    "identification",
    "innovations",
    "lags",
    "least_squares",
    "leave_one_out",
    "likelihood",
    "lines",
    "model",
    "notation",
    "nouns",
    "panel",
    "pareto",
    "parquet",
    "patterns",
    "periods",
    "posterior",
    "predictive_checks",
    "priors",
    "publish",
    "replicates",
    "rows",
    "sampling",
    "sensitivity",
    "slope_prior",
    "specification",
    "student",
    "student_panel",
    "student_reference",
    "study",
    "study_toml",
    "system",
    "table",
    "tally",
    "thinning",
    "trends",
    "weighted",
)
"""The modules whose code decides what a fit gives; an edit of any of them is a new model version."""

PACKAGES = (
    "arviz-stats",
    "h5netcdf",
    "numba",
    "numpy",
    "nutpie",
    "pandas",
    "pyarrow",
    "pymc",
    "pytensor",
    "scipy",
    "xarray",
)


def identify(study: Study, data_sha256: str, settings: Settings) -> Identity:
    """Give the identity of the fit of a study's data under the settings, without fitting it."""
    return Identity(
        data_sha256=data_sha256,
        study_sha256=hashlib.sha256(study.text).hexdigest(),
        model_version=model_version(),
        packages=package_versions(),
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        seed=settings.seed,
    )


@cache
def model_version() -> str:
    """Name the model's code: the first 12 hexadecimal digits of the SHA-256 of its modules' sources."""
    digest = hashlib.sha256()
    for name in MODEL_MODULES:
        source = resources.files("model_worker").joinpath(f"{name}.py").read_bytes()
        digest.update(name.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()[:12]


@cache
def package_versions() -> dict[str, str]:
    """Give the versions of the packages whose results a fit depends on."""
    return {name: metadata.version(name) for name in PACKAGES}
