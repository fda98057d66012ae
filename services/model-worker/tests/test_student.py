"""Student-t innovations: the density that is sampled is the one stated, and it finds what made a panel."""

from collections.abc import Callable
from threading import Event

import numpy as np
import pytest
import scipy.integrate
import xarray as xr
from numpy.typing import NDArray
from pytensor.configdefaults import config
from small_study import StudyFolder
from student_reference_model import build_naive_student_model, point_of
from test_options import SLOPE, assert_within_four_deviations, simulate

from model_worker.design.study_input import StudyInput, read_input
from model_worker.fit.posterior import recover_posterior
from model_worker.fit.reduction import reduce_design
from model_worker.fit.sampling import Draws, sample
from model_worker.models.explicit.pymc_model import build_student_model
from model_worker.models.explicit.statistics import SampledEffects, StudentStatistics
from model_worker.models.gaussian import pymc_model as gaussian
from model_worker.settings import Settings

Floats = NDArray[np.float64]
Read = Callable[[str], StudyInput]

VARIANTS = {
    "ar1, unit slopes": 'slopes = "unit"',
    "ar1, common slope": 'slopes = "common"',
    "ar1, unit slopes, trends": 'slopes = "unit"\ntrends = true',
    "independent, unit slopes": 'errors = "independent"\nslopes = "unit"',
    "independent, common slope, trends": 'errors = "independent"\nslopes = "common"\ntrends = true',
}


@pytest.fixture
def heavy(unbalanced: Read) -> Read:
    return lambda options: unbalanced(f'tails = "student"\n{options}')


class Sampled:
    """The model that is sampled: its density, and what its free variables stand for."""

    def __init__(self, given: StudyInput) -> None:
        self.given = given
        statistics = reduce_design(given.design)
        assert isinstance(statistics, StudentStatistics)
        self.statistics = statistics
        self.model = build_student_model(statistics)
        names = [item.name for item in self.model.deterministics]
        with config.change_flags(mode="FAST_COMPILE"):
            self.logp = self.model.compile_logp()
            expand = self.model.compile_fn(self.model.deterministics, inputs=self.model.free_RVs)
        self.expand = lambda point: dict(zip(names, map(np.asarray, expand(point)), strict=True))
        self.moved = [name for name in self.model.initial_point() if name != "directions"]

    def draw_point(self, rng: np.random.Generator) -> dict[str, Floats]:
        return {name: 0.7 * rng.normal(size=np.shape(v)) for name, v in self.model.initial_point().items()}

    def log_jacobian(self, point: dict[str, Floats]) -> float:
        """By differences: of all that the naive model has as variables, less the directions."""
        start = np.concatenate([point[name].ravel() for name in self.moved])
        sizes = [point[name].size for name in self.moved]

        def move(values: Floats) -> Floats:
            parts = np.split(values, np.cumsum(sizes)[:-1])
            moved = {
                name: part.reshape(point[name].shape) for name, part in zip(self.moved, parts, strict=True)
            }
            found = self.expand(point | moved)
            logs = [np.log(found[name]).reshape(1) for name in ("sigma", "nu", "tau") if name in found]
            logs.append(np.sqrt(2 / found["nu"]) * moved["precision"])
            others = [
                found[name].ravel()
                for name in ("persistence", "own_effect", "random_effect")
                if name in found
            ]
            return np.concatenate([*logs, *others])

        step = 1e-5
        columns = [(move(start + step * e) - move(start - step * e)) / (2 * step) for e in np.eye(len(start))]
        return float(np.linalg.slogdet(np.array(columns))[1])

    def natural(self, point: dict[str, Floats]) -> dict[str, Floats]:
        """Return the naive model's variables at a point."""
        found, design, panel = self.expand(point), self.given.design, self.given.panel
        posterior = xr.Dataset(
            {
                name: (
                    ("chain", "draw", *(f"{name}_{place}" for place in range(values.ndim))),
                    values[None, None],
                )
                for name, values in {"directions": point["directions"], **found}.items()
            }
        )
        effects = SampledEffects.of(posterior, self.statistics)
        slope = self.statistics.data["centre"] + effects.flat[:, -1]
        parameters = {"slope": slope, "sigma": found["sigma"], "nu": found["nu"]}
        values = {name: np.asarray(value).reshape(1, 1) for name, value in parameters.items()}
        if "tau" in found:
            values["tau"] = found["tau"].reshape(1, 1)
        if "persistence" in found:
            values["rho"] = gaussian.rho_of(found["persistence"]).reshape(1, 1)
        draws = Draws(values, xr.Dataset(), effects)
        recovered = recover_posterior(draws, design, panel, np.random.default_rng(1)).isel(chain=0, draw=0)
        scale, ratio = design.outcome_scale, design.outcome_scale / design.scales[0]
        sorted_effects = effects.sort(design.gaussian)
        deviation = sorted_effects.random[0]
        # What the recovered posterior says of a unit, on the standardised scale and without the treatment.
        level = recovered["unit_effect"] + recovered["intercept"] - design.outcome_centre
        level += recovered["beta"] * design.centres[0] + recovered["gamma"] @ xr.DataArray(
            design.centres[1:], dims="control"
        )
        natural = {
            "slope": slope[0],
            "sigma": found["sigma"],
            "nu": found["nu"],
            "period": recovered["period_effect"].to_numpy() / scale,
            "control": sorted_effects.nuisance[0],
            "precision": np.exp(np.sqrt(2 / found["nu"]) * point["precision"]),
        }
        if deviation.size:
            assert recovered["beta_unit"].to_numpy() == pytest.approx(
                float(recovered["beta"]) + deviation * ratio
            )
            level += deviation * ratio * design.centres[0]
            natural |= {"deviation": deviation, "tau": found["tau"]}
        natural["level"] = level.to_numpy() / scale
        if "trend" in recovered:
            rows = np.array(panel.periods)[panel.period_index]
            natural["trend"] = recovered["trend"].to_numpy() / scale
            natural["level"] += natural["trend"] * (rows.mean() - np.mean(panel.periods))
        if "rho" in values:
            natural["rho"] = values["rho"][0, 0]
        return natural


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_density_is_that_of_the_naive_model(variant: str, heavy: Read) -> None:
    sampled = Sampled(heavy(VARIANTS[variant]))
    naive = build_naive_student_model(sampled.given.design, sampled.given.panel, mixed=True)
    with config.change_flags(mode="FAST_COMPILE"):
        logp = naive.compile_logp()
    rng, differences = np.random.default_rng(3), []
    for _ in range(4):
        point = sampled.draw_point(rng)
        natural = sampled.natural(point)
        theirs = float(logp(point_of(naive, natural))) + sampled.log_jacobian(point)
        if "rho" in natural:
            persistence = float(sampled.expand(point)["persistence"])
            theirs += -persistence - 2 * np.logaddexp(0, -persistence)
        differences.append(float(sampled.logp(point)) - theirs)
    np.testing.assert_allclose(differences, differences[0], atol=1e-4)


def test_a_first_errors_precision_integrates_to_student_t(heavy: Read) -> None:
    sampled = Sampled(heavy('slopes = "common"'))
    design, panel = sampled.given.design, sampled.given.panel
    values = sampled.natural(sampled.draw_point(np.random.default_rng(5)))
    mixed = build_naive_student_model(design, panel, mixed=True)
    plain = build_naive_student_model(design, panel, mixed=False)
    with config.change_flags(mode="FAST_COMPILE"):
        mixed_logp, plain_logp = mixed.compile_logp(jacobian=False), plain.compile_logp(jacobian=False)
    at_values = float(mixed_logp(point_of(mixed, values)))
    found = at_values
    for unit in range(len(panel.units)):

        def density(precision: float, unit: int = unit) -> float:
            moved = values["precision"].copy()
            moved[unit] = precision
            point = point_of(mixed, values | {"precision": moved})
            return float(np.exp(mixed_logp(point) - at_values))

        found += np.log(scipy.integrate.quad(density, 0, 60, limit=200, epsrel=1e-6)[0])
    assert found == pytest.approx(float(plain_logp(point_of(plain, values))), abs=1e-4)


def fit(given: StudyInput) -> xr.Dataset:
    draws = sample(
        reduce_design(given.design), chains=4, draws=500, tune=500, seed=1, progress=print, stop=Event()
    )
    assert not draws.sample_stats["diverging"].any()
    return recover_posterior(draws, given.design, given.panel, np.random.default_rng(1))


def test_heavy_tails_are_found_and_where_there_are_none_the_answer_is_the_gaussian_one(
    folder: StudyFolder, settings: Settings
) -> None:
    made = {"rho": 0.7, "tau": 0.3}
    controls = folder.text.replace("controls = []", 'controls = ["income"]')
    folder.text = controls + '\n[model]\ntails = "student"\n'
    folder.rows, by_unit = simulate(**made, nu=3.0)
    posterior = fit(read_input(folder.write(), settings))
    expected = {"beta": SLOPE, "gamma": 0.2, "sigma": 0.1, "nu": 3.0, **made}
    for name, truth in expected.items():
        assert_within_four_deviations(posterior[name], np.array(truth))
    assert_within_four_deviations(posterior["beta_unit"], by_unit["beta_unit"])
    assert float(posterior["nu"].quantile(0.97)) < 10

    folder.rows, _ = simulate(**made)
    light = fit(read_input(folder.write(), settings))
    assert float(light["nu"].mean()) > 10
    folder.text = controls
    normal = fit(read_input(folder.write(), settings))
    for name in ("beta", "gamma", "tau", "rho", "beta_unit"):
        spread = normal[name].std(["chain", "draw"])
        difference = light[name].mean(["chain", "draw"]) - normal[name].mean(["chain", "draw"])
        np.testing.assert_array_less(np.abs(difference), 0.5 * spread)
        np.testing.assert_allclose(light[name].std(["chain", "draw"]), spread, rtol=0.25)
