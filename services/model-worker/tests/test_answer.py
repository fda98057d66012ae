"""The answer of the manifest is what NumPy makes of the draws by the formula of docs/estimand.md."""

import itertools
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from small_study import StudyFolder

from model_worker.design.study_input import StudyInput, read_input
from model_worker.results.answer import state_answer
from model_worker.settings import Settings

CHAINS, DRAWS = 4, 250


def study_of(
    folder: StudyFolder,
    settings: Settings,
    *,
    transforms: tuple[str, str] = ("log", "log"),
    change: str = 'kind = "percent", default = 10, min = -50, max = 100',
    what_if: str = "",
    sign: str = "saving",
) -> StudyInput:
    outcome, treatment = transforms
    text = folder.text.replace('units = "packs", transform = "log"', f'units = "p", transform = "{outcome}"')
    text = text.replace('units = "US$", transform = "log"', f'units = "US$", transform = "{treatment}"')
    text = text.replace('kind = "percent", default = 1, min = -50, max = 100', change)
    folder.text = text.replace('sign = "saving"', f'sign = "{sign}"\n{what_if}')
    return read_input(folder.write(), settings)


def draws_of(given: StudyInput, *, own: bool, centre: float = -0.5) -> xr.Dataset:
    rng = np.random.default_rng(3)
    units = [unit.id for unit in given.panel.units]
    data: dict[str, Any] = {"beta": (("chain", "draw"), rng.normal(centre, 0.2, (CHAINS, DRAWS)))}
    if own:
        slopes = rng.normal(centre, 0.2, (CHAINS, DRAWS, len(units)))
        data["beta_unit"] = (("chain", "draw", "unit"), slopes)
    return xr.Dataset(data, coords={"unit": units})


def narrowest(ordered: NDArray[np.float64], mass: float) -> tuple[float, float]:
    """Find the narrowest interval between draws with so many of them inside, by trying them all."""
    inside = int(mass * len(ordered))
    widths = [ordered[place + inside] - ordered[place] for place in range(len(ordered) - inside)]
    first = int(np.argmin(widths))
    return ordered[first], ordered[first + inside]


CHANGES = {
    "percent": ('kind = "percent", default = 10, min = -50, max = 100', lambda x: 1.1 * x),
    "units": ('kind = "units", default = 0.3, min = -1, max = 1', lambda x: x + 0.3),
}
FORWARD = {"log": np.log, "identity": lambda values: values}
BACK = {"log": np.exp, "identity": lambda values: values}


@pytest.mark.parametrize(
    ("outcome", "treatment", "kind", "together", "sign", "own"),
    [
        (*each, own)
        for own, each in zip(
            itertools.cycle([True, False, False]),
            itertools.product(FORWARD, FORWARD, CHANGES, ("sum", "mean"), ("saving", "gain")),
            strict=False,
        )
    ],
)
def test_an_answer_is_what_the_formula_makes_of_the_draws(
    folder: StudyFolder,
    settings: Settings,
    outcome: str,
    treatment: str,
    kind: str,
    together: str,
    sign: str,
    own: bool,
) -> None:
    # One unit is not observed in the last period, 2007.
    del folder.rows[8]
    text, changed = CHANGES[kind]
    given = study_of(
        folder,
        settings,
        transforms=(outcome, treatment),
        change=text,
        what_if=f'together = "{together}"\nnegligible = 5',
        sign=sign,
    )
    posterior = draws_of(given, own=own)
    table = np.array([row.split(",") for row in folder.rows[1:]])
    last = table[table[:, 2] == "2007"]
    y, x = last[:, 3].astype(float), last[:, 4].astype(float)
    assert len(y) == 5
    names = list(last[:, 0])
    slope = (
        posterior["beta_unit"].sel(unit=names) if own else posterior["beta"].expand_dims(unit=names, axis=2)
    )
    slope = slope.to_numpy().reshape(CHAINS * DRAWS, 5)
    step = slope * (FORWARD[treatment](changed(x)) - FORWARD[treatment](x))
    effects = BACK[outcome](FORWARD[outcome](y) + step) - y
    combine = np.sum if together == "sum" else np.mean
    effect = combine(effects, axis=1) * (-1 if sign == "saving" else 1)

    answer = state_answer(given.study, given.panel, posterior)

    near = {"rel": 1e-9, "abs": 1e-12}
    observed = combine(y)
    assert (answer.period, answer.units, answer.reason, answer.mass) == (2007, 5, None, 0.94)
    assert answer.outcome == pytest.approx(observed, **near)
    assert answer.treatment == pytest.approx(x.mean(), **near)
    assert answer.mean == pytest.approx(effect.mean(), **near)
    assert (answer.lower, answer.upper) == pytest.approx(narrowest(np.sort(effect), 0.94), **near)
    assert answer.probability == (effect > 0).mean()
    assert answer.within == (np.abs(effect) <= 0.05 * observed).mean()
    assert answer.above == (effect > 0.05 * observed).mean()
    np.testing.assert_allclose(answer.quantiles, np.percentile(effect, range(101)), rtol=1e-9, atol=1e-12)


def test_more_units_than_are_summed_at_once_make_the_same_sum(
    folder: StudyFolder, settings: Settings
) -> None:
    head, *rows = folder.rows
    folder.rows = [head] + [
        row.replace(f"U{unit},Unit {unit},", f"U{unit + 6 * more:03},Unit {unit + 6 * more},")
        for more in range(25)
        for unit in range(6)
        for row in rows[8 * unit : 8 * unit + 8]
    ]
    given = study_of(folder, settings, sign="change")
    posterior = draws_of(given, own=True)
    y = np.array([float(row.split(",")[3]) for row in folder.rows[1:] if ",2007," in row])
    slope = posterior["beta_unit"].to_numpy().reshape(CHAINS * DRAWS, 150)

    answer = state_answer(given.study, given.panel, posterior)

    assert answer.units == 150
    assert answer.mean == pytest.approx((y * (1.1**slope - 1)).sum(axis=1).mean())


def test_a_study_without_a_negligible_size_has_no_shares_of_it(
    folder: StudyFolder, settings: Settings
) -> None:
    given = study_of(folder, settings)
    answer = state_answer(given.study, given.panel, draws_of(given, own=False))
    assert (answer.within, answer.above) == (None, None)


def test_a_change_to_nothing_under_a_log_has_a_reason_with_the_units(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.fill("tax", lambda unit, period: 0.5 + unit + 0.1 * period * (unit % 3 + 1))
    given = study_of(folder, settings, change='kind = "units", default = -5, min = -6, max = 1')

    answer = state_answer(given.study, given.panel, draws_of(given, own=False))

    assert answer.reason == (
        "the change brings the treatment to zero or below, where its logarithm is not defined"
        " (Unit 0, Unit 1, Unit 2 and others)"
    )
    assert (answer.mean, answer.outcome, answer.quantiles) == (None, None, ())


@pytest.mark.parametrize("centre", [-1e5, np.nan])
def test_an_effect_that_no_number_holds_has_a_reason(
    folder: StudyFolder, settings: Settings, centre: float
) -> None:
    given = study_of(folder, settings, change='kind = "percent", default = -50, min = -50, max = 100')
    answer = state_answer(given.study, given.panel, draws_of(given, own=False, centre=centre))
    assert answer.reason == "the change leads to outcomes too large to be represented"


def test_a_change_of_nothing_is_a_point_at_zero(folder: StudyFolder, settings: Settings) -> None:
    given = study_of(folder, settings, change='kind = "percent", default = 0, min = -50, max = 100')
    answer = state_answer(given.study, given.panel, draws_of(given, own=True))
    assert (answer.mean, answer.lower, answer.upper, answer.probability) == (0, 0, 0, 0)
    assert set(answer.quantiles) == {0}


def test_the_last_period_is_named_as_readers_see_it(folder: StudyFolder, settings: Settings) -> None:
    head, *rows = folder.rows
    quarters = [f"{2000 + place // 4} Q{place % 4 + 1}" for place in range(8)]
    folder.rows = [head]
    for place, row in enumerate(rows):
        cells = row.split(",")
        cells[2] = quarters[place % 8]
        folder.rows.append(",".join(cells))
    folder.text = folder.text.replace('noun = "year"', 'noun = "quarter", form = "quarter"')
    given = study_of(folder, settings)

    answer = state_answer(given.study, given.panel, draws_of(given, own=False))

    assert answer.period == given.panel.period_labels[-1]
    assert "2001" in str(answer.period)
