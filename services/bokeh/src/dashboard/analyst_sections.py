"""The sections of the analyst's tab: what is said, drawn and tabulated of one version in each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboard import analyst_figures as figures
from dashboard import analyst_words as wording
from dashboard.analysis import Analysis
from dashboard.markup import fold, write_key, write_paragraphs, write_table
from dashboard.numerals import write_number
from dashboard.palette import BLUE, GREY, VERMILLION, choose_colours
from dashboard.versions import LoadedVersion


@dataclass(frozen=True)
class Part:
    """A piece of a section: what is said, the figure it is said of, and the same as a table."""

    said: str
    draw: Callable[[], Any] | None = None
    table: str = ""


@dataclass(frozen=True)
class Section:
    """One section of the tab, shown in the root of that name."""

    name: str
    parts: tuple[Part, ...]


def write_sections(version: LoadedVersion, analysis: Analysis) -> tuple[Section, ...]:
    """Give every section that rests on the draws, in their order on the page."""
    return (
        Section("analyst-sampling", (_tell_verdict(version), _tell_parameters(version, analysis))),
        Section("analyst-chains", _tell_chains(analysis)),
        Section("analyst-energy", (_tell_energy(analysis),)),
        Section("analyst-replicates", (_tell_replicates(version, analysis),)),
        Section("analyst-checks", (_tell_checks(version, analysis),)),
        Section("analyst-priors", (_tell_priors(analysis), _tell_sensitivity(version))),
        Section("analyst-residuals", (_tell_residuals(analysis),)),
        Section("analyst-leave-one-out", (_tell_left_out(version, analysis),)),
        Section("analyst-least-squares", (_tell_least_squares(version, analysis),)),
    )


def _absent(what: str) -> Part:
    return Part(write_paragraphs((f"{what} are not part of this version; a new fit has them.",)))


def _tell_verdict(version: LoadedVersion) -> Part:
    checks = version.manifest.verdict.checks
    rows = [
        (
            wording.label_check(check.name),
            "none" if check.value is None else wording.write_value(check.value),
            wording.say_limit(check),
            "passed" if check.passed else "failed",
            check.worst or "",
        )
        for check in checks
    ]
    table = write_table(
        "The gate: a version is served only if every check passes",
        ("check", "value", "limit", "verdict", "worst"),
        rows,
        words=frozenset({2, 3, 4}),
    )
    return Part(write_paragraphs((wording.say_verdict(checks),)) + table)


def _tell_parameters(version: LoadedVersion, analysis: Analysis) -> Part:
    rows = [
        (
            one.name if one.coordinates == 1 else f"{one.name}, worst of {one.examined}",
            *(write_number(value) for value in (one.mean, one.sd, one.lower, one.upper, one.mcse)),
            *(wording.write_count(value) for value in (one.ess_bulk, one.ess_tail)),
            f"{one.r_hat:.3f}",
        )
        for one in analysis.parameters
    ]
    table = write_table(
        "Parameters, the one with the fewest effective draws first; HDI of 94 %",
        ("parameter", "mean", "sd", "HDI from", "to", "MCSE", "bulk ESS", "tail ESS", "R-hat"),
        rows,
    )
    return Part(write_paragraphs((wording.say_parameters(analysis, version.manifest),)) + table)


def _tell_chains(analysis: Analysis) -> tuple[Part, ...]:
    chains = analysis.chains
    colours = choose_colours(len(chains[0].ranks))
    key = write_key((colour, f"chain {place}") for place, colour in enumerate(colours))
    ranks = write_table(
        "Shares of ranks in their bins, 1 where chains agree",
        ("parameter, chain", "lowest", "highest"),
        [
            (f"{one.name}, chain {place}", write_number(float(row.min())), write_number(float(row.max())))
            for one in chains
            for place, row in enumerate(one.ranks)
        ],
    )
    traces = write_table(
        "Draws shown of each chain, in standard deviations from the mean of all",
        ("parameter, chain", "mean", "sd", "lowest", "highest"),
        [
            (
                f"{one.name}, chain {place}",
                *(write_number(float(value)) for value in (row.mean(), row.std(), row.min(), row.max())),
            )
            for one in chains
            for place, row in enumerate(one.traces)
        ],
    )
    return (
        Part(
            write_paragraphs((wording.say_ranks(chains),)) + key,
            lambda: figures.draw_ranks(chains),
            fold("Ranks as a table", ranks),
        ),
        Part(
            write_paragraphs((wording.say_traces(chains),)) + key,
            lambda: figures.draw_traces(chains),
            fold("Traces as a table", traces),
        ),
    )


def _tell_energy(analysis: Analysis) -> Part:
    energy = analysis.energy
    if energy is None:
        return _absent("Energies of the sampler")
    table = write_table(
        "Bayesian fraction of missing information",
        ("chain", "E-BFMI"),
        [(str(chain), write_number(float(value))) for chain, value in enumerate(energy.fractions)],
    )
    return Part(
        write_paragraphs((wording.say_energy(energy),))
        + write_key(((BLUE, "energy"), (VERMILLION, "steps between draws"))),
        lambda: figures.draw_energy(energy),
        fold("Energy as a table", table),
    )


def _tell_replicates(version: LoadedVersion, analysis: Analysis) -> Part:
    replicates = analysis.replicates
    if replicates is None:
        return _absent("Panels made anew by the model")
    outcome = version.manifest.study.outcome
    label = f"{outcome.label}, {outcome.units}" if outcome.units else outcome.label
    made = [wording.find_peak(curve) for curve in replicates.replicated]
    rows = [("data", write_number(wording.find_peak(replicates.observed)))]
    rows += [(f"replicate {place}", write_number(value)) for place, value in enumerate(made, 1)]
    return Part(
        write_paragraphs((wording.say_replicates(replicates, outcome.label),))
        + write_key(((VERMILLION, "data"), (GREY, "made by the model"))),
        lambda: figures.draw_replicates(replicates, label),
        fold("Densities as a table", write_table("Where each is densest", ("panel", label), rows)),
    )


def _tell_checks(version: LoadedVersion, analysis: Analysis) -> Part:
    criticism = version.manifest.criticism
    if criticism is None or not criticism.predictive_checks:
        return _absent("Posterior predictive checks")
    cards = criticism.predictive_checks
    rows = [
        (
            wording.label_check(card.name),
            *(write_number(value) for value in (card.observed, card.lower, card.upper)),
            f"{card.probability:.3f}",
        )
        for card in cards
    ]
    table = write_table(
        "Statistics in the data and in data made by the model; p is the share of the latter with more",
        ("statistic", "data", "94 % from", "to", "p"),
        rows,
    )
    curves = analysis.checks
    names = [wording.label_check(curve.name) for curve in curves]
    return Part(
        write_paragraphs((wording.say_checks(cards),))
        + write_key(((VERMILLION, "data"), (GREY, "made by the model"))),
        (lambda: figures.draw_checks(curves, names)) if curves else None,
        table,
    )


def _tell_residuals(analysis: Analysis) -> Part:
    residuals = analysis.residuals
    if residuals is None:
        return _absent("Residual autocorrelations")
    rows = [
        (str(lag), write_number(float(value)), write_number(float(limit)))
        for lag, value, limit in zip(residuals.lags, residuals.autocorrelation, residuals.limit, strict=True)
    ]
    table = write_table(
        "Autocorrelation of innovations within units", ("steps apart", "autocorrelation", "limit, 95 %"), rows
    )
    return Part(
        write_paragraphs((wording.say_residuals(residuals),))
        + write_key(((BLUE, "innovations"), (GREY, "limits of independence"))),
        lambda: figures.draw_autocorrelation(residuals),
        fold("Autocorrelation as a table", table),
    )


def _tell_left_out(version: LoadedVersion, analysis: Analysis) -> Part:
    criticism, cells = version.manifest.criticism, analysis.cells
    card = criticism.leave_one_out if criticism is not None else None
    if card is None:
        return _absent("Predictions of rows left out")
    said = [wording.say_left_out(card, cells)]
    if cells is None:
        return Part(write_paragraphs(said))
    if cells.total > cells.k.size:
        said.append(f"Shown are the {cells.k.size:,} rows of {cells.total:,} with the largest k.")
    shown = list(zip(cells.unit, cells.name, cells.k, strict=True))[:20]
    rows = [(f"{unit}, {period}", write_number(float(k), 2)) for unit, period, k in shown]
    table = write_table(f"The {len(rows)} rows of the largest Pareto k", ("row", "Pareto k"), rows)
    manifest = version.manifest
    noun, names = manifest.study.period.noun, manifest.period_names
    return Part(
        write_paragraphs(said),
        lambda: figures.draw_pareto(cells, card, noun, manifest.periods, names),
        fold("Pareto k as a table", table),
    )


def _tell_priors(analysis: Analysis) -> Part:
    priors = analysis.priors
    if not priors:
        return _absent("Draws from the priors")
    rows = [
        (
            one.name,
            *(write_number(v) for v in (one.prior_mean, one.prior_sd, one.posterior_mean, one.posterior_sd)),
            f"{100 * one.contraction:.1f} %",
        )
        for one in priors
    ]
    table = write_table(
        "Prior and posterior; contraction is the share of the prior's variance that is gone",
        ("parameter", "prior mean", "prior sd", "mean", "sd", "contraction"),
        rows,
    )
    return Part(
        write_paragraphs((wording.say_priors(priors),))
        + write_key(((BLUE, "posterior"), (VERMILLION, "prior"))),
        lambda: figures.draw_priors(priors),
        fold("Prior and posterior as a table", table),
    )


def _tell_sensitivity(version: LoadedVersion) -> Part:
    criticism = version.manifest.criticism
    if criticism is None or not criticism.sensitivity:
        return _absent("Sensitivities to the priors")
    rows = [
        (one.parameter, *(write_number(value, 2) for value in (one.prior, one.likelihood, one.threshold)))
        for one in criticism.sensitivity
    ]
    table = write_table(
        "How far the posterior moves with the strength of prior and likelihood (power scaling)",
        ("parameter", "prior", "likelihood", "sensitive above"),
        rows,
    )
    return Part(write_paragraphs((wording.say_sensitivity(criticism.sensitivity),)), None, table)


def _tell_least_squares(version: LoadedVersion, analysis: Analysis) -> Part:
    criticism = version.manifest.criticism
    if criticism is None:
        return _absent("Estimates by least squares")
    card, beta = criticism.least_squares, analysis.find("beta")
    estimates: list[figures.Estimate] = []
    rows = []
    if beta is not None:
        estimates.append(("model", beta.mean, beta.lower, beta.upper))
        rows.append(("model", beta.mean, beta.sd, beta.lower, beta.upper))
    for name, error, (low, high) in (
        ("classical", card.classical_error, card.classical_interval),
        ("clustered", card.clustered_error, card.clustered_interval),
    ):
        estimates.append((name, card.slope, low, high))
        rows.append((name, card.slope, error, low, high))
    study = version.manifest.study
    scale = {"log": "log ", "identity": "", "standardised": "standardised "}
    label = (
        f"Slope of {scale[study.outcome.transform]}{study.outcome.column} "
        f"on {scale[study.treatment.transform]}{study.treatment.column}"
    )
    table = write_table(
        label,
        ("estimate", "slope", "sd or error", "94 % from", "to"),
        [(name, *(write_number(value) for value in values)) for name, *values in rows],
    )
    triple = (beta.mean, beta.lower, beta.upper) if beta is not None else None
    return Part(
        write_paragraphs((wording.say_least_squares(card, triple),))
        + write_key(((BLUE, "model"), (VERMILLION, "least squares"))),
        lambda: figures.draw_estimates(estimates),
        table,
    )
