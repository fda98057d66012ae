"""What decides the content of a fit, and so its version's name."""

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
"""Packages and modules whose code decides what a fit gives; an edit of any of them is a new model version."""

WITHOUT_EFFECT = (
    "design.memory_limits",
    "design.study_input",
    "fit.compile_ahead",
    "fit.verdicts",
    "study.faults",
    "study.identity",
    "study.toml_lines",
)
"""Modules of these packages that refuse, describe or arrange, and change no number."""

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


def model_modules() -> list[str]:
    """Return the modules that decide what a fit gives, by dotted name below `model_worker`, sorted."""
    found = (path.relative_to(_ROOT).with_suffix("").parts for path in _ROOT.rglob("*.py"))
    names = (".".join(parts) for parts in found if parts[-1] != "__init__")
    inside = tuple(f"{name}." for name in MODEL_CODE)
    return sorted(name for name in names if f"{name}.".startswith(inside) and name not in WITHOUT_EFFECT)


@cache
def model_version() -> str:
    """Name the model's code: the first 12 hexadecimal digits of the SHA-256 of its modules' sources."""
    digest = hashlib.sha256()
    for name in model_modules():
        source = _ROOT.joinpath(*name.split(".")).with_suffix(".py").read_bytes()
        digest.update(name.encode() + b"\0" + source + b"\0")
    return digest.hexdigest()[:12]


@cache
def package_versions() -> dict[str, str]:
    """Give the versions of the packages whose results a fit depends on."""
    return {name: metadata.version(name) for name in PACKAGES}
