"""Answers of the shipped studies under each model, and under the original parser's mistake.

The parser of the analysis that `smoking-spending` takes its question from kept only the cents of a tax:
"1.99" became 0.99. A tax of whole dollars became 0, which has no logarithm; such rows are left out.
"""

# runs in: model-worker

import argparse
import csv
import json
import shutil
import tempfile
from pathlib import Path
from threading import Event

import numpy as np

from model_worker.design.study_input import StudyInput, read_input
from model_worker.fit.gate import judge
from model_worker.fit.posterior import recover_posterior
from model_worker.fit.reduction import reduce_design
from model_worker.fit.sampling import sample
from model_worker.results.estimand import effects_of_change
from model_worker.results.intervals import narrowest_interval
from model_worker.settings import Settings

STUDIES = ("smoking-spending", "cigarette-sales")
MODELS = {
    "default": "",
    "AR(1), common slope": 'slopes = "common"',
    "Student-t innovations": 'tails = "student"',
    "independent, unit slopes": 'errors = "independent"',
    "independent, common slope": 'errors = "independent"\nslopes = "common"',
}
TAX = "state_tax_usd"


def keep_cents(file: Path) -> int:
    """Do to a study's taxes what the original parser did; give the number of rows left out."""
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    kept = []
    for row in rows:
        cents = row[TAX].partition(".")[2]
        if cents.strip("0"):
            kept.append(row | {TAX: f"0.{cents}"})
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(kept)
    return len(rows) - len(kept)


def read(study: Path, model: str, *, cents: bool) -> StudyInput:
    """Read a copy of a study with another model, and with the mistake if asked."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory) / study.name
        shutil.copytree(study, folder)
        toml = folder / "study.toml"
        toml.write_text(f"{toml.read_text()}\n[model]\n{model}\n")
        if cents:
            print(f"rows without a logarithm, left out: {keep_cents(folder / f'{study.name}.csv')}")
        return read_input(folder, Settings(studies_dir=Path(directory)))


def answer(given: StudyInput) -> dict[str, float]:
    """Fit, and give mean, standard deviation and 94 % interval of beta, and the effect on all units."""
    settings = Settings()
    sampler = {"chains": settings.chains, "draws": settings.draws, "tune": settings.tune}
    statistics = reduce_design(given.design)
    draws = sample(statistics, **sampler, seed=settings.seed, progress=lambda _: None, stop=Event())
    posterior = recover_posterior(draws, given.design, given.panel, np.random.default_rng(settings.seed))
    effects = effects_of_change(given.study, given.panel, posterior)
    verdict = judge(posterior, effects, draws.sample_stats, chains=settings.chains, draws=settings.draws)
    found = {"passed": float(verdict.passed)}
    for name, values in (("beta", posterior["beta"]), ("effect_on_all", effects["effect_on_all"])):
        flat = values.to_numpy().reshape(1, -1)
        lower, upper = (ends.item() for ends in narrowest_interval(flat, 0.94))
        found |= {name: flat.mean(), f"{name}_sd": flat.std(), f"{name}_low": lower, f"{name}_high": upper}
    found |= {name: float(posterior[name].mean()) for name in ("rho", "tau", "nu") if name in posterior}
    return {name: round(float(value), 5) for name, value in found.items()}


def main() -> None:
    """Print one line for each study and model; end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=Path, default=Path("/studies"))
    asked = parser.parse_args()
    answers = {}
    for study in STUDIES:
        for cents in (False, True) if study == "smoking-spending" else (False,):
            for name, model in MODELS.items():
                label = f"{study}/{name}{'/cents only' if cents else ''}"
                answers[label] = answer(read(asked.studies / study, model, cents=cents))
                print(label, answers[label], flush=True)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
