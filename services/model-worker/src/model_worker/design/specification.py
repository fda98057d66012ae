"""Which model a study gets: what `[model]` asks for, and what its panel can tell apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_worker.data.panel import Panel
from model_worker.models.gaussian.conditional_gaussian import Random
from model_worker.study.definition import Study
from model_worker.study.faults import InvalidInput
from model_worker.study.plurals import count_of
from tracestore.manifest import Fault

Floats = NDArray[np.float64]

INFORMATIVE_UNITS = 10
INFORMATIVE_ROWS = 4
"""With `slopes = "auto"`, units have slopes of their own where at least so many of them have at least so
many rows in which the treatment differs. A spread of slopes is hardly known from fewer units than ten
(Gelman 2006, doi:10.1214/06-BA117A), and a slope not from fewer rows than four beside a level."""

FEWEST_SLOPES = 3
FEWEST_UNITS = 3
"""Beside period effects two units are one series of differences, in which a common shock and the
treatment's effect look alike."""


@dataclass(frozen=True)
class Specification:
    """The variant of the model.

    Attributes
    ----------
    autoregressive
        Whether errors are AR(1); independent otherwise.
    random
        The column whose coefficient varies over units around a common one, with a learned spread.
    own
        How many flat columns a unit has to itself: 0 (pooled), 1 (constant) or 2 (constant and trend).
    heavy
        Whether innovations are Student-t; Gaussian otherwise.
    """

    autoregressive: bool
    random: Random
    own: int
    heavy: bool = False


def specify(study: Study, panel: Panel, treatment: Floats) -> Specification:
    """Decide on the variant for a panel with the transformed treatment (rows,).

    Raises
    ------
    InvalidInput
        When `[model]` asks for what cannot be had together, or what the panel cannot tell apart.
    """
    asked = study.toml.model
    rows = np.bincount(panel.unit_index)
    informative = _differs_within_units(panel, treatment) & (rows >= INFORMATIVE_ROWS)
    faults = []
    if len(panel.units) < FEWEST_UNITS:
        faults.append(_too_few_units(study, panel))
    if asked.effects == "pooled" and asked.slopes == "unit":
        faults.append(_fault(study, "slopes", '"common" or "auto" beside effects = "pooled"', '"unit"'))
    if asked.effects == "pooled" and asked.trends:
        faults.append(_fault(study, "trends", 'false beside effects = "pooled"', "true"))
    if asked.effects == "pooled" and asked.tails == "student":
        faults.append(_fault(study, "tails", '"normal" beside effects = "pooled"', '"student"'))
    if asked.slopes == "unit" and informative.sum() < FEWEST_SLOPES:
        noun, nouns = study.toml.unit.noun, study.toml.unit.nouns
        such = count_of(int(informative.sum()), f"such {noun}", f"such {nouns}")
        faults.append(
            _fault(
                study,
                "slopes",
                f'"common" or "auto", or {FEWEST_SLOPES} {nouns} with at least {INFORMATIVE_ROWS} rows in'
                f' which "{study.toml.treatment.column}" differs',
                f'"unit" and {such}',
            )
        )
    if asked.trends and rows.min() < 3:
        short = panel.units[int(rows.argmin())].id
        expected = f"false, or at least three rows for each {study.toml.unit.noun}"
        faults.append(_fault(study, "trends", expected, f"true and {rows.min()} for {short}"))
    if faults:
        raise InvalidInput(faults)
    by_unit = asked.slopes == "unit" or (
        asked.slopes == "auto" and asked.effects == "free" and informative.sum() >= INFORMATIVE_UNITS
    )
    random: Random = "constant" if asked.effects == "pooled" else "treatment" if by_unit else "none"
    own = 0 if asked.effects == "pooled" else 2 if asked.trends else 1
    return Specification(asked.errors == "ar1", random, own, asked.tails == "student")


def _differs_within_units(panel: Panel, treatment: Floats) -> NDArray[np.bool_]:
    highest = np.full(len(panel.units), -np.inf)
    lowest = -highest
    np.maximum.at(highest, panel.unit_index, treatment)
    np.minimum.at(lowest, panel.unit_index, treatment)
    varies: NDArray[np.bool_] = highest > lowest
    return varies


def _too_few_units(study: Study, panel: Panel) -> Fault:
    nouns = study.toml.unit.nouns
    return Fault(
        kind="too_few_units",
        file=study.data_name,
        column=study.toml.unit.column,
        expected=f"at least {FEWEST_UNITS} {nouns}, beside the effects of each {study.toml.period.noun}",
        found=" and ".join(unit.id for unit in panel.units),
        advice=f"Add rows of other {nouns} that the treatment is to be compared with.",
    )


def _fault(study: Study, key: str, expected: str, found: str) -> Fault:
    advice = "Change the value, or leave the key out."
    return study.fault(("model", key), kind="not_identified", expected=expected, found=found, advice=advice)
