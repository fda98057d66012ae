"""Choice of the model variant from the `[model]` options of a study and its panel."""

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
"""With `slopes = "auto"`, units get their own slopes if at least this many units have at least this many
rows and a treatment that varies. Fewer than ten units hardly identify a spread of slopes (Gelman 2006,
doi:10.1214/06-BA117A); fewer than four rows do not identify a slope beside a level."""

FEWEST_SLOPES = 3
FEWEST_UNITS = 3
"""With period effects, two units reduce to one series of differences, in which a common shock and the
treatment's effect are indistinguishable."""


@dataclass(frozen=True)
class Specification:
    """Variant of the model.

    Attributes
    ----------
    autoregressive
        True for AR(1) errors; errors are independent otherwise.
    random
        Column whose coefficient varies by unit around a common one, with an estimated spread.
    own
        Number of flat columns of each unit: 0 (pooled), 1 (constant) or 2 (constant and trend).
    heavy
        True for Student-t innovations; innovations are Gaussian otherwise.
    """

    autoregressive: bool
    random: Random
    own: int
    heavy: bool = False


def specify(study: Study, panel: Panel, treatment: Floats) -> Specification:
    """Return the variant for a panel, given the transformed treatment (rows,).

    Raises
    ------
    InvalidInput
        When `[model]` combines incompatible options or options that the panel does not identify.
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
