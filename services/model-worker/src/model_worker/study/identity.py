"""Identity of a fit: the inputs that determine its content and thus the name of its version."""

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

from model_worker.settings import Settings
from model_worker.study.definition import Study
from tracestore.manifest import Identity

_ROOT = Path(__file__).parents[1]

MODEL_CODE = (
    "checks",
    "data",
    "design",
    "fit",
    "models",
    "results",
    "service.fit_pipeline",
    "service.trace_file",
    "study",
)
"""Packages and modules whose code determines the results of a fit; any edit changes the model version."""

WITHOUT_EFFECT = (
    "design.memory_limits",
    "design.study_input",
    "fit.compile_ahead",
    "fit.verdicts",
    "study.faults",
    "study.identity",
    "study.toml_lines",
)
"""Modules of these packages that only validate, describe or orchestrate, and change no number."""

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
    """Return the identity of a fit of the study's data under the settings, without running the fit."""
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


def model_modules() -> list[str]:
    """Return the sorted dotted names, below `model_worker`, of the modules that determine a fit's results."""
    found = (path.relative_to(_ROOT).with_suffix("").parts for path in _ROOT.rglob("*.py"))
    names = (".".join(parts) for parts in found if parts[-1] != "__init__")
    inside = tuple(f"{name}." for name in MODEL_CODE)
    return sorted(name for name in names if f"{name}.".startswith(inside) and name not in WITHOUT_EFFECT)


@cache
def model_version() -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of the model modules' names and sources."""
    digest = hashlib.sha256()
    for name in model_modules():
        source = _ROOT.joinpath(*name.split(".")).with_suffix(".py").read_bytes()
        digest.update(name.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()[:12]


@cache
def package_versions() -> dict[str, str]:
    """Return the versions of the packages on whose results a fit depends."""
    return {name: metadata.version(name) for name in PACKAGES}
