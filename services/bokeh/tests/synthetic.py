"""A small real trace store with synthetic draws, written through the publisher that the worker uses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from synthetic_analysis import make_criticism, make_groups, make_model_card

from dashboard.catalogue import Catalogue, VersionCache
from dashboard.estimands import compute_draws, estimand_of, summarise
from tracestore.answer import QUANTILES
from tracestore.manifest import (
    Answer,
    Axis,
    Check,
    Fault,
    Identity,
    Manifest,
    ManifestDraft,
    Phase,
    Sampling,
    Status,
    StudyCard,
    Unit,
    Variable,
    Verdict,
    WhatIf,
)
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

Floats = NDArray[np.float64]
NOW = datetime(2026, 11, 21, 2, 33, tzinfo=UTC)
UNITS = tuple(
    Unit(id=id_, label=label)
    for id_, label in (("AK", "Alaska"), ("AL", "Alabama"), ("CA", "California"), ("NY", "New York"))
)
NAMES = tuple(unit.label for unit in UNITS)
PERIODS = tuple(range(2000, 2010))


def make_card(name: str = "smoking", title: str = "Cigarette taxes & <health> spending") -> StudyCard:
    return StudyCard(
        name=name,
        title=title,
        unit=Axis(column="state", noun="state"),
        period=Axis(column="year", noun="year"),
        outcome=Variable(column="total", label="Spending", units="million US$", transform="log"),
        treatment=Variable(column="tax", label="State cigarette tax", units="US$ per pack", transform="log"),
        what_if=WhatIf(kind="percent", default=1, min=-50, max=100),
        sign="saving",
    )


def open_store(
    root: Path, memory_mb: float = 256, default_study: str | None = None
) -> tuple[Catalogue, VersionCache]:
    """Open a store as a replica does, read once; nothing is in memory yet."""
    store = TraceStore(root)
    versions = VersionCache(store, round(memory_mb * 1_048_576))
    catalogue = Catalogue(store, versions, default_study)
    catalogue.poll()
    return catalogue, versions


def load_served(catalogue: Catalogue, versions: VersionCache) -> None:
    """Load the version that is served of every study."""
    for entry in catalogue.snapshot.entries:
        if entry.current is not None:
            versions.request(entry.name, entry.current).result(30)


def make_answer(card: StudyCard, slope: Floats, outcome: Floats, treatment: Floats) -> Answer:
    """Answer the default change on the units of the last period, as the worker writes it."""
    there = np.flatnonzero(np.isfinite(outcome[:, -1]))
    estimand = estimand_of(card.what_if, card.outcome.transform, card.treatment.transform, card.sign)
    own = slope[:, there] if slope.ndim == 2 else slope
    draws = compute_draws(own, outcome[there, -1], treatment[there, -1], card.what_if.default, estimand)
    effect = summarise(draws / (there.size if card.together == "mean" else 1))
    return Answer(
        period=PERIODS[-1],
        units=there.size,
        outcome=float(outcome[there, -1].sum()),
        treatment=float(treatment[there, -1].mean()),
        mass=effect.mass,
        mean=effect.mean,
        lower=effect.lower,
        upper=effect.upper,
        probability=effect.probability,
        quantiles=tuple(np.quantile(effect.ordered, np.linspace(0, 1, QUANTILES)).tolist()),
    )


def publish(
    root: Path,
    card: StudyCard | None = None,
    *,
    seed: int = 1,
    slope: float = -0.2,
    passed: bool = True,
    by_unit: bool = False,
    analysed: bool = False,
    padding: int = 0,
    period_labels: tuple[str, ...] | None = None,
    warnings: tuple[str, ...] = (),
    labels: tuple[str, ...] | None = None,
    answered: bool = True,
) -> Manifest:
    """Publish a version of a panel in which Alaska misses the last two years and one in between.

    With slopes by unit, that of the unit at place i is i more than `beta`. The manifest of one that is not
    `answered` is as an earlier release wrote it. One that is `analysed`
    has the groups and cards of synthetic_analysis; `padding` makes the file so many bytes larger.
    """
    card = card or make_card()
    rng = np.random.default_rng(seed)
    shape = (len(UNITS), len(PERIODS))
    treatment = np.exp(rng.normal(0, 0.1, shape).cumsum(axis=1))
    outcome = 100 * (1 + np.arange(len(UNITS)))[:, None] * np.exp(rng.normal(0, 0.05, shape))
    outcome[0, 3] = outcome[0, -2:] = np.nan
    draws = rng.normal(slope, 0.05, (2, 500))
    units = tuple(Unit(id=unit.id, label=label) for unit, label in zip(UNITS, labels or NAMES, strict=True))
    dims = ("unit", "period")
    posterior = xr.Dataset({"beta": (("chain", "draw"), draws)})
    own = draws[..., None] + np.arange(len(UNITS))
    if by_unit:
        posterior["beta_unit"] = (("chain", "draw", "unit"), own)
    slope = own.reshape(-1, len(UNITS)) if by_unit else draws.reshape(-1)
    extra = make_groups(outcome, draws, seed) if analysed else {}
    if padding:
        extra["padding"] = xr.Dataset({"byte": ("place", np.zeros(padding, dtype=np.uint8))})
    posterior = posterior.merge(extra.pop("posterior", xr.Dataset()))
    tree = xr.DataTree.from_dict(
        {
            **extra,
            "posterior": posterior,
            "panel": xr.Dataset({"outcome": (dims, outcome), "treatment": (dims, treatment)}),
            "band": xr.Dataset(
                {"mean": (dims, outcome), "lower": (dims, outcome * 0.9), "upper": (dims, outcome * 1.1)},
                attrs={"mass": 0.94},
            ),
        }
    )
    draft = ManifestDraft(
        study=card,
        identity=Identity(
            data_sha256="0" * 64,
            study_sha256="1" * 64,
            model_version="test",
            packages={},
            chains=2,
            draws=500,
            tune=0,
            seed=seed,
        ),
        created_at=NOW + timedelta(minutes=seed),
        units=units,
        periods=PERIODS,
        period_labels=period_labels,
        warnings=warnings,
        verdict=Verdict(checks=(Check(name="r_hat", value=1.0, threshold=1.01, passed=passed),)),
        sampling=Sampling(sampler="none", chains=2, draws=500, tune=0, seed=seed, seconds={}),
        criticism=make_criticism(outcome) if analysed else None,
        card=make_model_card() if analysed else None,
        answer=make_answer(card, slope, outcome, treatment) if answered else None,
    )
    return Publisher(root).publish(
        draft, lambda directory: tree.to_netcdf(directory / "trace.nc", engine="h5netcdf")
    )


def tell(root: Path, phase: Phase, study: str = "smoking", **more: object) -> None:
    """Write what the worker is doing with a study."""
    status = Status.model_validate(
        {
            "study": study,
            "title": f"The {study} study",
            "phase": phase,
            "started_at": NOW,
            "updated_at": NOW,
            **more,
        }
    )
    Publisher(root).write_status(status)


def make_fault(place: int) -> Fault:
    return Fault(
        kind="non-numeric",
        file="smoking.csv",
        line=place,
        column="total",
        expected="a number",
        found=f"“<b>n/a</b>{place}”",
        advice="Correct the cell.",
    )
