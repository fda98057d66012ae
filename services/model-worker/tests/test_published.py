"""Coefficients that were published are reproduced, on panels of three shapes, from file to slopes."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from model_worker.design.study_input import read_input
from model_worker.new_study.role_inference import NamedRoles
from model_worker.new_study.study_folder import make_study
from model_worker.settings import Settings

PUBLISHED = Path(__file__).parent / "published"


@pytest.mark.parametrize(
    ("file", "asked", "shape", "slopes", "decimals"),
    [
        (
            "grunfeld.csv",
            NamedRoles(outcome="invest", treatment="value", controls=("capital",)),
            (10, 20, 200),
            {"value": (0.118, 0.117716), "capital": (0.358, 0.357916)},
            3,
        ),
        (
            "jobtraining.csv",
            NamedRoles(outcome="lscrap", treatment="grant", controls=("grant_1",)),
            (54, 3, 162),
            {"grant": (-0.252, -0.252315), "grant_1": (-0.422, -0.421590)},
            3,
        ),
        (
            "wage-panel.csv.gz",
            NamedRoles(outcome="lwage", treatment="union", controls=("married", "expersq")),
            (545, 8, 4360),
            {"union": (0.080, 0.080002), "married": (0.047, 0.046680), "expersq": (-0.005, -0.005185)},
            3,
        ),
    ],
    ids=["grunfeld", "jobtraining", "wage-panel"],
)
def test_two_way_slopes_are_those_that_were_published(
    file: str,
    asked: NamedRoles,
    shape: tuple[int, int, int],
    slopes: dict[str, tuple[float, float]],
    decimals: int,
    tmp_path: Path,
    settings: Settings,
) -> None:
    shutil.copy(PUBLISHED / file, tmp_path / file)
    folder = make_study(tmp_path / file, settings.studies_dir, None, asked).folder
    toml = folder / "study.toml"
    toml.write_text(toml.read_text().replace('transform = "log"', 'transform = "identity"'))
    if "percent" in toml.read_text():
        toml.write_text(toml.read_text().replace('kind = "percent"', 'kind = "units"'))
    given = read_input(folder, settings)
    assert (len(given.panel.units), len(given.panel.periods), len(given.panel.outcome)) == shape
    design = given.design
    found = design.least_squares.slopes * design.outcome_scale / design.scales
    names = [asked.treatment, *asked.controls]
    assert names == list(slopes)
    published, computed = (np.array([pair[place] for pair in slopes.values()]) for place in (0, 1))
    np.testing.assert_array_equal(np.round(found, decimals), published)
    np.testing.assert_allclose(found, computed, atol=6e-7)
