"""The largest effect that a study thinks possible becomes the slope's prior, in every variant."""

from threading import Event

import numpy as np
import pytest
import scipy.stats
from small_study import StudyFolder

from model_worker.checks.model_card import describe_model
from model_worker.checks.priors import proper_priors
from model_worker.design.study_input import StudyInput, read_input
from model_worker.fit.reduction import reduce_design
from model_worker.fit.sampling import sample
from model_worker.models.prior_scales import SLOPE_SCALE
from model_worker.settings import Settings
from model_worker.study.faults import InvalidInput

INDEPENDENT = 'errors = "independent"\nslopes = "common"\n'


def read(folder: StudyFolder, settings: Settings, *model: str) -> StudyInput:
    base = folder.text
    folder.text = base + "\n[model]\n" + "\n".join(model) + "\n"
    given = read_input(folder.write(), settings)
    folder.text = base
    return given


def slope_of(given: StudyInput, draws: int = 500) -> np.ndarray:
    """Sample the slope, on the data's scale."""
    drawn = sample(
        reduce_design(given.design), chains=4, draws=draws, tune=draws, seed=1, progress=print, stop=Event()
    )
    design = given.design
    return drawn.parameters["slope"].ravel() * design.outcome_scale / design.scales[0]


@pytest.mark.parametrize(
    ("outcome", "treatment", "change", "effect", "shift", "size"),
    [
        ("log", "log", 'kind = "percent", default = 10', 5.0, np.log(1.1), np.log(1.05)),
        ("identity", "log", 'kind = "percent", default = 10', 5.0, np.log(1.1), 5.0),
        ("log", "identity", 'kind = "units", default = 2', 5.0, 2.0, np.log(1.05)),
        ("identity", "standardised", 'kind = "units", default = -0.5', 3.0, 0.5, 3.0),
    ],
)
def test_a_larger_effect_of_the_default_change_has_a_prior_probability_of_5_percent(
    folder: StudyFolder,
    settings: Settings,
    outcome: str,
    treatment: str,
    change: str,
    effect: float,
    shift: float,
    size: float,
) -> None:
    head, tail = folder.text.split("treatment = ")
    folder.text = (
        head.replace('"log"', f'"{outcome}"') + "treatment = " + tail.replace('"log"', f'"{treatment}"')
    )
    folder.text = folder.text.replace('kind = "percent", default = 1', change)
    given = read(folder, settings, f"prior.effect = {effect}")
    beta = proper_priors(given.design, ["beta"])["beta"]
    assert beta.unit * beta.distribution.std() * shift * scipy.stats.norm.isf(0.025) == pytest.approx(size)


def test_without_it_the_prior_is_the_default_one(folder: StudyFolder, settings: Settings) -> None:
    assert read(folder, settings).design.slope_scale == SLOPE_SCALE


@pytest.mark.parametrize(
    "variant",
    [
        INDEPENDENT,
        "",
        'slopes = "unit"',
        'effects = "pooled"\nslopes = "common"',
        'tails = "student"\nslopes = "common"',
        "lags = 1",
        "trends = true",
    ],
)
def test_a_tight_prior_holds_the_slope_in_every_variant(
    folder: StudyFolder, settings: Settings, variant: str
) -> None:
    # The slope that made the data is -0.5, which this prior has 50 standard deviations away.
    slope = slope_of(read(folder, settings, variant, "prior.effect = 0.0196"), draws=200)
    assert np.abs(slope.mean()) < 0.1


def test_the_answer_moves_as_the_prior_weighs_its_draws(folder: StudyFolder, settings: Settings) -> None:
    plain, tight = (read(folder, settings, INDEPENDENT, *prior) for prior in ((), ("prior.effect = 0.2",)))
    drawn = slope_of(plain)
    densities = [
        scipy.stats.norm.pdf(drawn, 0, beta.unit * beta.distribution.std())
        for beta in (proper_priors(given.design, ["beta"])["beta"] for given in (plain, tight))
    ]
    # The prior enters as a factor, so that draws under one give the mean under another.
    expected = np.average(drawn, weights=densities[1] / densities[0])
    error = drawn.std() / np.sqrt(drawn.size)
    assert slope_of(tight).mean() == pytest.approx(expected, abs=6 * error)
    assert abs(expected - drawn.mean()) > 12 * error


def test_another_prior_is_another_version_and_the_card_says_it(
    folder: StudyFolder, settings: Settings
) -> None:
    plain = read(folder, settings)
    given = read(folder, settings, "prior.effect = 5")
    assert given.identity.version() != plain.identity.version()
    (told,) = [
        prior for prior in describe_model(given, ["beta", "sigma"]).priors if prior.parameter == "beta"
    ]
    scale = np.log(1.05) / np.log(1.01) / scipy.stats.norm.isf(0.025)
    assert told.distribution == f"Normal(0, {scale:.3g})"
    assert "hardly moves the outcome by more than 5 % of the outcome" in told.reason


def test_an_effect_of_a_change_of_nothing_is_refused(folder: StudyFolder, settings: Settings) -> None:
    folder.text = folder.text.replace("default = 1,", "default = 0,")
    with pytest.raises(InvalidInput) as raised:
        read(folder, settings, "prior.effect = 5")
    (fault,) = raised.value.faults
    assert (fault.kind, fault.column) == ("no_change", "model.prior.effect")
