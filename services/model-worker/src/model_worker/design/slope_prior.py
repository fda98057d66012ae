"""Scale of the slope's prior: the default, or derived from the study's largest effect on its outcome."""

import numpy as np

from model_worker.data.panel import Panel
from model_worker.models.prior_scales import SLOPE_SCALE
from model_worker.study.definition import Study
from model_worker.study.faults import InvalidInput
from tracestore.manifest import Fault, Transform

HARDLY = 1.959963984540054
"""Two-sided 5% critical value of the standard normal distribution."""


def scale_slope(study: Study, panel: Panel, ratio: float) -> float:
    """Return the standard deviation of the slope's prior on the standardized scale.

    With ``model.prior.effect``, the prior probability is 5% that the default change of the treatment from
    its median changes the outcome by more than this effect.

    Parameters
    ----------
    ratio
        Slope in the data's units that equals a slope of 1 on the standardized scale.

    Raises
    ------
    InvalidInput
        When the default change leaves the treatment as it is, or leads to a value without a logarithm.
    """
    toml = study.toml
    largest = toml.model.prior.effect
    if largest is None:
        return SLOPE_SCALE
    shift = _shift_of_default(study, panel)
    if not np.isfinite(shift) or shift == 0:
        raise InvalidInput([_no_change(study)])
    effect = np.log1p(largest / 100) if toml.outcome.transform == "log" else largest
    return float(effect / abs(shift) / HARDLY / ratio)


def describe_effect(study: Study) -> str:
    """Return the study's largest effect in words, as in "5 % of the outcome"."""
    toml = study.toml
    units = "% of the outcome" if toml.outcome.transform == "log" else study.card().outcome.units
    return f"{toml.model.prior.effect:g} {units}"


def _shift_of_default(study: Study, panel: Panel) -> float:
    change, kind = study.toml.what_if.change, study.toml.treatment.transform
    before = float(np.median(panel.treatment))
    after = before * (1 + change.default / 100) if change.kind == "percent" else before + change.default
    return _log_or_same(after, kind) - _log_or_same(before, kind)


def _log_or_same(value: float, kind: Transform) -> float:
    if kind != "log":
        return value
    return float(np.log(value)) if value > 0 else np.nan


def _no_change(study: Study) -> Fault:
    change = study.toml.what_if.change
    return study.fault(
        ("model", "prior", "effect"),
        kind="no_change",
        value=f"{study.toml.model.prior.effect:g}",
        expected="a default change that moves the median of the treatment to another value that it can have",
        found=f"what_if.change.default = {change.default:g}",
        advice="Set another default change, or leave model.prior.effect out.",
    )
