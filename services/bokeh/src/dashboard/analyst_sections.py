"""The sections of the analyst's tab that rest on the draws: sentences, figures and tables."""

from collections.abc import Sequence

from bokeh.models.ui import UIElement

from dashboard import analyst_figures as figures
from dashboard import analyst_words as wording
from dashboard.analysis import Analysis
from dashboard.convergence import Chains, Energy
from dashboard.criticism import CheckCurves, ParetoCells, PriorCurves, Replicates, Residuals
from dashboard.markup import fold, write_key, write_paragraphs, write_table
from dashboard.numerals import write_number
from dashboard.theme import BLUE, GREY, VERMILLION, choose_colours
from tracestore.criticism import Criticism
from tracestore.manifest import Check, Manifest

Pieces = tuple[str | UIElement, ...]
"""HTML and figures, one below the other."""

Section = tuple[str, Pieces]
"""The name of a root of the tab, and what it shows."""

DATA_OVER_MODEL = write_key((VERMILLION, "data"), (GREY, "made by the model"))


def write_sections(manifest: Manifest, analysis: Analysis) -> tuple[Section, ...]:
    """Return every section that rests on the draws, in their order on the page."""
    criticism = manifest.criticism
    return (
        ("analyst-sampling", (_write_gate(manifest.verdict.checks), _write_parameters(manifest, analysis))),
        ("analyst-chains", _write_chains(analysis.chains)),
        ("analyst-energy", _write_energy(analysis.energy)),
        ("analyst-replicates", _write_replicates(manifest, analysis.replicates)),
        ("analyst-checks", _write_checks(criticism, analysis.checks)),
        ("analyst-priors", (*_write_priors(analysis.priors), *_write_sensitivity(criticism))),
        ("analyst-residuals", _write_residuals(analysis.residuals)),
        ("analyst-leave-one-out", _write_left_out(manifest, analysis.cells)),
        ("analyst-least-squares", _write_least_squares(manifest, analysis)),
    )


def _write_absence(what: str) -> Pieces:
    return (write_paragraphs(f"{what} are not part of this version; a new fit has them."),)


def _illustrate(sentence: str, key: str, plot: UIElement, name: str, table: str) -> Pieces:
    return write_paragraphs(sentence) + key, plot, fold(f"{name} as a table", table)


def _write_numbers(*values: float, digits: int = 3) -> tuple[str, ...]:
    return tuple(write_number(value, digits) for value in values)


def _write_gate(checks: Sequence[Check]) -> str:
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
    return write_paragraphs(wording.say_verdict(checks)) + write_table(
        "The gate: a version is served only if every check passes",
        ("check", "value", "limit", "verdict", "worst"),
        rows,
        words=frozenset({2, 3, 4}),
    )


def _write_parameters(manifest: Manifest, analysis: Analysis) -> str:
    rows = [
        (
            one.name if one.coordinates == 1 else f"{one.name}, worst of {one.examined}",
            *_write_numbers(one.mean, one.sd, one.lower, one.upper, one.mcse),
            *(wording.write_count(one.ess_bulk), wording.write_count(one.ess_tail), f"{one.r_hat:.3f}"),
        )
        for one in analysis.parameters
    ]
    return write_paragraphs(wording.say_parameters(analysis, manifest)) + write_table(
        "Parameters, the one with the fewest effective draws first; HDI of 94 %",
        ("parameter", "mean", "sd", "HDI from", "to", "MCSE", "bulk ESS", "tail ESS", "R-hat"),
        rows,
    )


def _write_chains(chains: Sequence[Chains]) -> Pieces:
    colours = choose_colours(len(chains[0].ranks))
    key = write_key(*((colour, f"chain {place}") for place, colour in enumerate(colours)))
    rows = [
        (f"{one.name}, chain {place}", ranks, trace)
        for one in chains
        for place, (ranks, trace) in enumerate(zip(one.ranks, one.traces, strict=True))
    ]
    ranks_table = write_table(
        "Shares of ranks in their bins, 1 where chains agree",
        ("parameter, chain", "lowest", "highest"),
        [(name, *_write_numbers(ranks.min(), ranks.max())) for name, ranks, _ in rows],
    )
    traces_table = write_table(
        "Draws shown of each chain, in standard deviations from the mean of all",
        ("parameter, chain", "mean", "sd", "lowest", "highest"),
        [(name, *_write_numbers(row.mean(), row.std(), row.min(), row.max())) for name, _, row in rows],
    )
    return (
        *_illustrate(wording.say_ranks(chains), key, figures.draw_ranks(chains), "Ranks", ranks_table),
        *_illustrate(wording.say_traces(chains), key, figures.draw_traces(chains), "Traces", traces_table),
    )


def _write_energy(energy: Energy | None) -> Pieces:
    if energy is None:
        return _write_absence("Energies of the sampler")
    rows = [(str(chain), write_number(value)) for chain, value in enumerate(energy.fractions)]
    table = write_table("Bayesian fraction of missing information", ("chain", "E-BFMI"), rows)
    key = write_key((BLUE, "energy"), (VERMILLION, "steps between draws"))
    return _illustrate(wording.say_energy(energy), key, figures.draw_energy(energy), "Energy", table)


def _write_replicates(manifest: Manifest, replicates: Replicates | None) -> Pieces:
    if replicates is None:
        return _write_absence("Panels made anew by the model")
    outcome = manifest.study.outcome
    label = f"{outcome.label}, {outcome.units}" if outcome.units else outcome.label
    names = ("data", *(f"replicate {place}" for place, _ in enumerate(replicates.replicated, 1)))
    peaks = map(wording.find_peak, (replicates.observed, *replicates.replicated))
    rows = [(name, write_number(peak)) for name, peak in zip(names, peaks, strict=True)]
    table = write_table("Where each is densest", ("panel", label), rows)
    plot = figures.draw_replicates(replicates, label)
    lead = wording.say_replicates(replicates, outcome.label)
    return _illustrate(lead, DATA_OVER_MODEL, plot, "Densities", table)


def _write_checks(criticism: Criticism | None, curves: Sequence[CheckCurves]) -> Pieces:
    if criticism is None or not criticism.predictive_checks:
        return _write_absence("Posterior predictive checks")
    cards = criticism.predictive_checks
    rows = [
        (
            wording.label_check(card.name),
            *_write_numbers(card.observed, card.lower, card.upper),
            f"{card.probability:.3f}",
        )
        for card in cards
    ]
    table = write_table(
        "Statistics in the data and in data made by the model; p is the share of the latter with more",
        ("statistic", "data", "94 % from", "to", "p"),
        rows,
    )
    lead = write_paragraphs(wording.say_checks(cards)) + DATA_OVER_MODEL
    if not curves:
        return (lead + table,)
    return lead, figures.draw_checks(curves, [wording.label_check(curve.name) for curve in curves]), table


def _write_residuals(residuals: Residuals | None) -> Pieces:
    if residuals is None:
        return _write_absence("Residual autocorrelations")
    rows = [
        (str(lag), *_write_numbers(value, limit))
        for lag, value, limit in zip(residuals.lags, residuals.autocorrelation, residuals.limit, strict=True)
    ]
    table = write_table(
        "Autocorrelation of innovations within units", ("steps apart", "autocorrelation", "limit, 95 %"), rows
    )
    key = write_key((BLUE, "innovations"), (GREY, "limits of independence"))
    plot = figures.draw_autocorrelation(residuals)
    return _illustrate(wording.say_residuals(residuals), key, plot, "Autocorrelation", table)


def _write_left_out(manifest: Manifest, cells: ParetoCells | None) -> Pieces:
    card = manifest.criticism.leave_one_out if manifest.criticism is not None else None
    if card is None:
        return _write_absence("Predictions of rows left out")
    lead = wording.say_left_out(card, cells)
    if cells is None:
        return (write_paragraphs(lead),)
    shown = cells.k.size
    part = f"Shown are the {shown:,} rows of {cells.total:,} with the largest k."
    rows = [
        (f"{unit}, {period}", write_number(k, 2))
        for unit, period, k in zip(cells.unit[:20], cells.name[:20], cells.k[:20], strict=True)
    ]
    table = write_table(f"The {len(rows)} rows of the largest Pareto k", ("row", "Pareto k"), rows)
    return (
        write_paragraphs(lead, part if cells.total > shown else ""),
        figures.draw_pareto(cells, card.threshold, manifest),
        fold("Pareto k as a table", table),
    )


def _write_priors(priors: Sequence[PriorCurves]) -> Pieces:
    if not priors:
        return _write_absence("Draws from the priors")
    rows = [
        (
            one.name,
            *_write_numbers(one.prior_mean, one.prior_sd, one.posterior_mean, one.posterior_sd),
            f"{100 * one.contraction:.1f} %",
        )
        for one in priors
    ]
    table = write_table(
        "Prior and posterior; contraction is the share of the prior's variance that is gone",
        ("parameter", "prior mean", "prior sd", "mean", "sd", "contraction"),
        rows,
    )
    key = write_key((BLUE, "posterior"), (VERMILLION, "prior"))
    plot = figures.draw_priors(priors)
    return _illustrate(wording.say_priors(priors), key, plot, "Prior and posterior", table)


def _write_sensitivity(criticism: Criticism | None) -> Pieces:
    if criticism is None or not criticism.sensitivity:
        return _write_absence("Sensitivities to the priors")
    rows = [
        (one.parameter, *_write_numbers(one.prior, one.likelihood, one.threshold, digits=2))
        for one in criticism.sensitivity
    ]
    table = write_table(
        "How far the posterior moves with the strength of prior and likelihood (power scaling)",
        ("parameter", "prior", "likelihood", "sensitive above"),
        rows,
    )
    return (write_paragraphs(wording.say_sensitivity(criticism.sensitivity)) + table,)


def _write_least_squares(manifest: Manifest, analysis: Analysis) -> Pieces:
    if manifest.criticism is None:
        return _write_absence("Estimates by least squares")
    card, study = manifest.criticism.least_squares, manifest.study
    beta = next((one for one in analysis.parameters if one.name == "beta"), None)
    estimates: list[figures.Estimate] = [
        ("classical", card.slope, card.classical_error, *card.classical_interval),
        ("clustered", card.slope, card.clustered_error, *card.clustered_interval),
    ]
    if beta is not None:
        estimates.insert(0, ("model", beta.mean, beta.sd, beta.lower, beta.upper))
    scale = {"log": "log ", "identity": "", "standardised": "standardised "}
    table = write_table(
        f"Slope of {scale[study.outcome.transform]}{study.outcome.column} "
        f"on {scale[study.treatment.transform]}{study.treatment.column}",
        ("estimate", "slope", "sd or error", "94 % from", "to"),
        [(name, *_write_numbers(*values)) for name, *values in estimates],
    )
    return (
        write_paragraphs(wording.say_least_squares(card, beta))
        + write_key((BLUE, "model"), (VERMILLION, "least squares")),
        figures.draw_estimates(estimates),
        table,
    )
