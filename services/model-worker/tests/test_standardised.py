"""A standardised column is in standard deviations of the panel's values, from the data to the effect."""

from threading import Event

import numpy as np
import pytest
from small_study import StudyFolder

from model_worker.design.regression import make_design
from model_worker.design.study_input import read_input
from model_worker.fit.posterior import recover_posterior
from model_worker.fit.reduction import reduce_design
from model_worker.fit.sampling import sample
from model_worker.results.estimand import effects_of_change
from model_worker.settings import Settings
from model_worker.study.faults import InvalidInput

IN_UNITS = ('change = { kind = "percent", default = 1,', 'change = { kind = "units", default = 1,')


def take(folder: StudyFolder, outcome: str, treatment: str) -> None:
    head, tail = folder.text.split("treatment = ")
    folder.text = (
        head.replace('"log"', f'"{outcome}"')
        + "treatment = "
        + tail.replace('"log"', f'"{treatment}"').replace(*IN_UNITS)
    )


def test_values_are_distances_from_the_mean_of_all_rows_in_their_standard_deviation(
    folder: StudyFolder, settings: Settings
) -> None:
    take(folder, "identity", "identity")
    plain = read_input(folder.write(), settings)
    folder.text = folder.text.replace('"identity"', '"standardised"')
    given = read_input(folder.write(), settings)
    for name in ("outcome", "treatment"):
        values, own = getattr(given.panel, name), getattr(plain.panel, name)
        np.testing.assert_allclose(values, (own - own.mean()) / own.std(), atol=1e-12)
    assert given.study.card().outcome.units == given.study.card().treatment.units == "SD"


def test_the_model_is_that_of_the_values_as_they_are(folder: StudyFolder, settings: Settings) -> None:
    take(folder, "identity", "identity")
    plain = read_input(folder.write(), settings)
    folder.text = folder.text.replace('"identity"', '"standardised"')
    given = read_input(folder.write(), settings)
    design = make_design(given.study, given.panel)
    np.testing.assert_allclose(design.outcome, plain.design.outcome, atol=1e-9)
    np.testing.assert_allclose(design.regressors, plain.design.regressors, atol=1e-9)
    assert design.outcome_scale * plain.panel.outcome.std() == pytest.approx(plain.design.outcome_scale)
    assert given.identity.version() != plain.identity.version()


def test_the_effect_of_one_is_the_slope_in_standard_deviations(
    folder: StudyFolder, settings: Settings
) -> None:
    take(folder, "standardised", "standardised")
    given = read_input(folder.write(), settings)
    draws = sample(
        reduce_design(given.design), chains=2, draws=100, tune=100, seed=1, progress=print, stop=Event()
    )
    posterior = recover_posterior(draws, given.design, given.panel, np.random.default_rng(1))
    effect = effects_of_change(given.study, given.panel, posterior)["effect"].to_numpy()
    slope = posterior["beta"].to_numpy()[:, :, None]
    np.testing.assert_allclose(effect, np.broadcast_to(slope, effect.shape), rtol=1e-9)


@pytest.mark.parametrize(
    ("outcome", "treatment", "change", "line", "column"),
    [
        ("log", "standardised", "", 10, "what_if.change.kind"),
        ("standardised", "log", "negligible = 1", 12, "what_if.negligible"),
    ],
)
def test_a_percentage_of_standard_deviations_is_refused(
    folder: StudyFolder,
    settings: Settings,
    outcome: str,
    treatment: str,
    change: str,
    line: int,
    column: str,
) -> None:
    head, tail = folder.text.split("treatment = ")
    folder.text = head.replace('"log"', f'"{outcome}"') + "treatment = "
    folder.text += tail.replace('"log"', f'"{treatment}"') + change
    with pytest.raises(InvalidInput) as raised:
        read_input(folder.write(), settings)
    (fault,) = raised.value.faults
    assert (fault.kind, fault.line, fault.column) == ("not_relative", line, column)
