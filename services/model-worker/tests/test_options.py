"""Each option of `[model]` finds what made a panel that was simulated with it."""

from threading import Event

import numpy as np
import pytest
import xarray as xr
from small_study import StudyFolder

from model_worker.design.study_input import StudyInput, read_input
from model_worker.fit.posterior import recover_posterior
from model_worker.fit.reduction import reduce_to_likelihood
from model_worker.fit.sampling import sample
from model_worker.settings import Settings
from model_worker.study.faults import InvalidInput

UNITS, PERIODS, SLOPE, NOISE = 20, 15, -0.5, 0.1


def simulate(
    *,
    rho: float = 0.0,
    tau: float = 0.0,
    spread: float = 1.0,
    trend: float = 0.0,
    nu: float = np.inf,
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Rows of a panel with a hole in every fifth unit, and what made them, by unit."""
    rng = np.random.default_rng(8)

    def innovate() -> float:
        heaviness = 1.0 if np.isinf(nu) else np.sqrt(nu / rng.chisquare(nu))
        return float(rng.normal(0, NOISE) * heaviness)

    slopes, effects = rng.normal(SLOPE, tau, UNITS), rng.normal(0, spread, UNITS)
    trends, shocks = rng.normal(0, trend, UNITS), rng.normal(0, 0.2, PERIODS)
    rows = ["state,name,year,sales,tax,income"]
    for unit in range(UNITS):
        error = innovate() / np.sqrt(1 - rho**2)
        for period in range(PERIODS):
            error = rho * error + innovate() if period else error
            tax, income = rng.normal(), rng.normal()
            mean = 3 + effects[unit] + shocks[period] + trends[unit] * (period - (PERIODS - 1) / 2)
            sales = np.exp(mean + slopes[unit] * tax + 0.2 * income + error)
            if unit % 5 or period not in (4, 5, 9):
                rows.append(
                    f"U{unit:02},Unit {unit},{2000 + period},{sales:.8g},{np.exp(tax):.8g},{income:.8g}"
                )
    return rows, {"beta_unit": slopes, "trend": trends}


@pytest.mark.parametrize(
    ("model", "made", "expected", "absent"),
    [
        ("", {"rho": 0.7, "tau": 0.3}, {"rho": 0.7, "tau": 0.3}, {"unit_spread", "trend"}),
        ('slopes = "common"', {"rho": 0.7}, {"rho": 0.7}, {"tau", "beta_unit"}),
        ('errors = "independent"', {"tau": 0.3}, {"tau": 0.3}, {"rho"}),
        ('errors = "independent"\nslopes = "common"', {}, {}, {"rho", "tau", "beta_unit"}),
        ('errors = "independent"\neffects = "pooled"', {"spread": 0.6}, {"unit_spread": 0.6}, {"rho", "tau"}),
        (
            'effects = "pooled"',
            {"rho": 0.6, "spread": 0.6},
            {"rho": 0.6, "unit_spread": 0.6},
            {"tau", "beta_unit"},
        ),
        ('slopes = "common"\ntrends = true', {"rho": 0.5, "trend": 0.1}, {"rho": 0.5}, {"tau"}),
    ],
)
def test_an_option_finds_what_made_the_panel(
    model: str,
    made: dict[str, float],
    expected: dict[str, float],
    absent: set[str],
    folder: StudyFolder,
    settings: Settings,
) -> None:
    folder.rows, by_unit = simulate(**made)
    folder.text = folder.text.replace("controls = []", 'controls = ["income"]') + f"\n[model]\n{model}\n"
    given = read_input(folder.write(), settings)
    posterior = fit(given)
    assert not absent & {str(name) for name in posterior.data_vars}
    for name, truth in {"beta": SLOPE, "gamma": 0.2, "sigma": NOISE, **expected}.items():
        assert_within_four_deviations(posterior[name], np.array(truth))
    for name, truth in by_unit.items():
        if name in posterior:
            # Trends beside period effects are known up to what is common to all units.
            shared = truth.mean() - posterior[name].mean() if name == "trend" else 0.0
            assert_within_four_deviations(posterior[name] + shared, truth)


def fit(given: StudyInput) -> xr.Dataset:
    draws = sample(
        reduce_to_likelihood(given.design),
        chains=4,
        draws=500,
        tune=500,
        seed=1,
        progress=print,
        stop=Event(),
    )
    return recover_posterior(draws, given.design, given.panel, np.random.default_rng(1))


def assert_within_four_deviations(draws: xr.DataArray, truth: np.ndarray) -> None:
    mean, spread = draws.mean(["chain", "draw"]), draws.std(["chain", "draw"])
    np.testing.assert_array_less(np.abs(mean - truth), 4 * spread)


def test_lags_find_the_slope_at_each_distance_and_the_long_run_one(
    folder: StudyFolder, settings: Settings
) -> None:
    rng = np.random.default_rng(5)
    at_distance = np.array([-0.2, -0.3, 0.1])
    folder.rows = ["state,name,year,sales,tax,income"]
    for unit in range(UNITS):
        tax, error = rng.normal(size=PERIODS + 2), 0.0
        for period in range(PERIODS + 2):
            error = 0.5 * error + rng.normal(0, NOISE)
            past = tax[[max(period - lag, 0) for lag in range(3)]]
            sales = np.exp(3 + 0.1 * unit + at_distance @ past + error)
            folder.rows.append(
                f"U{unit:02},Unit {unit},{2000 + period},{sales:.8g},{np.exp(tax[period]):.8g},0"
            )
    folder.rows = [row for row in folder.rows if not row.startswith("U03,Unit 3,2009,")]
    folder.text += "\n[model]\nlags = 2\n"
    given = read_input(folder.write(), settings)
    assert given.panel.periods == tuple(range(2002, 2002 + PERIODS))
    # Two rows go before, and the three that the missing one is itself or a lag of.
    assert len(given.panel.outcome) == UNITS * PERIODS - 3
    posterior = fit(given)
    found = posterior["beta_lag"]
    assert found.dims == ("chain", "draw", "lag")
    np.testing.assert_allclose(found.sum("lag"), posterior["beta"])
    mean, spread = found.mean(["chain", "draw"]), found.std(["chain", "draw"])
    assert (abs(mean - at_distance) < 4 * spread).all()
    assert (spread < 0.02).all()
    assert abs(posterior["beta"].mean() - at_distance.sum()) < 4 * posterior["beta"].std()


def test_a_unit_without_rows_for_its_lags_is_a_fault_of_the_lags(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.rows = [row for row in folder.rows if not (row.startswith("U2") and int(row.split(",")[2]) > 2001)]
    folder.text += "\n[model]\nlags = 2\n"
    with pytest.raises(InvalidInput) as refused:
        read_input(folder.write(), settings)
    (fault,) = refused.value.faults
    assert (fault.kind, fault.column) == ("too_few_rows", "model.lags")
    assert "U2" in fault.found


@pytest.mark.parametrize("beside", ["control", "trend"])
def test_what_moves_with_the_treatment_does_not_narrow_the_prior_of_the_slope(
    beside: str, folder: StudyFolder, settings: Settings
) -> None:
    rng = np.random.default_rng(3)
    trends = rng.normal(0, 100, UNITS)
    folder.rows = ["state,name,year,sales,tax,income"]
    for unit in range(UNITS):
        for period in range(PERIODS):
            income, own = rng.normal(0, 100), rng.normal()
            sales, moved = own + rng.normal(0, 0.3), income if beside == "control" else trends[unit] * period
            folder.rows.append(f"U{unit:02},Unit {unit},{2000 + period},{sales},{moved + own},{income}")
    folder.text = folder.text.replace("log", "identity") + '\n[model]\nslopes = "common"\n'
    if beside == "control":
        folder.text = folder.text.replace("controls = []", 'controls = ["income"]')
    else:
        folder.text += "trends = true\n"
    given = read_input(folder.write(), settings)
    assert_within_four_deviations(fit(given)["beta"], np.array(1.0))
