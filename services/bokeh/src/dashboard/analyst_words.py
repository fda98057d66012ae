"""Sentences of the analyst's tab: each figure's text alternative, from the same numbers."""

from collections.abc import Sequence

import numpy as np

from dashboard.analysis import Analysis
from dashboard.convergence import Chains, Curve, Energy, ParameterSummary
from dashboard.criticism import ParetoCells, PriorCurves, Replicates, Residuals
from dashboard.numerals import write_number, write_probability
from tracestore.criticism import LeastSquaresCard, LeaveOneOut, PredictiveCheck, Sensitivity
from tracestore.manifest import Check, Manifest

EXTREME = 0.03
"""A share of replicates nearer to 0 or 1 than this is called out: the 94 % interval misses the data."""

LOW_BFMI = 0.3
"""Betancourt (2016, arXiv:1604.00695)."""

NAMED = 5
"""Things that a sentence names before "and others", which are two or more."""

LABELS = {
    "r_hat": "R-hat",
    "ess_bulk": "bulk ESS",
    "ess_tail": "tail ESS",
    "mcse": "MCSE / sd",
    "e_bfmi": "E-BFMI",
    "finished_chains": "chains finished",
    "not_finite": "values not finite",
}
AT_LEAST = frozenset({"ess_bulk", "ess_tail", "e_bfmi", "finished_chains"})


def label_check(name: str) -> str:
    """Return a check's or statistic's name as readers write it."""
    return LABELS.get(name, name.replace("_", " "))


def say_verdict(checks: Sequence[Check]) -> str:
    """Write whether the fit passed, and which checks failed."""
    failed = [label_check(check.name) for check in checks if not check.passed]
    if not checks:
        return "No check was recorded, so this fit has not passed."
    if failed:
        return f"This fit did not pass: {_list(failed)}."
    return f"This fit passed {f'all {len(checks)} checks' if len(checks) > 1 else 'its one check'}."


def say_limit(check: Check) -> str:
    """Write a check's limit in words."""
    side = "at least" if check.name in AT_LEAST else "at most"
    return f"{side} {write_value(check.threshold)}"


def write_value(value: float) -> str:
    """Write a check's value or limit: a count as it is, anything else to four digits."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 1000 else f"{value:.4g}"


def say_parameters(analysis: Analysis, manifest: Manifest) -> str:
    """Write which parameter mixed worst, and how many draws diverged."""
    worst = analysis.parameters[0]
    draws = manifest.sampling.chains * manifest.sampling.draws
    few = {None: "The sampler did not count divergences.", 0: "No draw diverged."}
    diverged = few.get(analysis.divergences, f"{analysis.divergences} draws diverged.")
    part = ""
    if worst.coordinates > worst.examined:
        part = f" (of {worst.examined} of its {worst.coordinates:,} coordinates)"
    return (
        f"Of {draws:,} draws the fewest effective ones are those of {worst.name}{part}: "
        f"{write_count(worst.ess_bulk)} in the bulk and {write_count(worst.ess_tail)} in the tails, "
        f"R-hat {worst.r_hat:.3f}. {diverged}"
    )


def say_ranks(chains: Sequence[Chains]) -> str:
    """Write how far the ranks of chains are from level."""
    lowest = min(chains, key=lambda one: one.ranks.min())
    highest = max(chains, key=lambda one: one.ranks.max())
    return (
        f"Ranks of {len(chains[0].ranks)} chains by parameter, in {lowest.ranks.shape[1]} bins. Where chains "
        f"agree every bin holds its share; the emptiest, of {lowest.name}, holds "
        f"{write_number(lowest.ranks.min(), 2)} times it and the fullest, of {highest.name}, "
        f"{write_number(highest.ranks.max(), 2)} times."
    )


def say_traces(chains: Sequence[Chains]) -> str:
    """Write how far chains stray from each other."""
    drift = max(chains, key=lambda one: np.ptp(one.traces.mean(axis=1)))
    apart = write_number(np.ptp(drift.traces.mean(axis=1)), 2)
    return (
        f"Every chain by parameter, {drift.draws.size} of its draws, each row 4 standard deviations to "
        f"either side. The chains of {drift.name} lie furthest apart: {apart} standard deviations between "
        f"the means of their shown draws."
    )


def say_energy(energy: Energy) -> str:
    """Write how well the sampler's steps cover the energy."""
    lowest = energy.fractions.min()
    judged = "enough" if lowest >= LOW_BFMI else f"below the {LOW_BFMI} that is called enough"
    return (
        f"The energy's Bayesian fraction of missing information is lowest in chain "
        f"{energy.fractions.argmin()}, at {write_number(lowest)}: {judged}."
    )


def say_replicates(replicates: Replicates, label: str) -> str:
    """Write where data and replicates have most of their mass."""
    top, peaks = find_peak(replicates.observed), [find_peak(curve) for curve in replicates.replicated]
    known = [peak for peak in peaks if np.isfinite(peak)]
    made = f"between {write_number(min(known))} and {write_number(max(known))}" if known else "nowhere"
    return (
        f"{label}: the data are densest at {write_number(top)}, the {len(peaks)} panels made by the model "
        f"{made}. Where the model fits, the coloured line runs among the grey ones."
    )


def say_checks(checks: Sequence[PredictiveCheck]) -> str:
    """Write which statistics of the data the model does not make."""
    odd = [check for check in checks if not EXTREME <= check.probability <= 1 - EXTREME]
    if not odd:
        return f"All {len(checks)} statistics of the data are among those of data made by the model."
    parts = [
        f"{label_check(check.name)} ({write_number(check.observed)} in the data, "
        f"{write_number(check.lower)} to {write_number(check.upper)} in the model's)"
        for check in odd
    ]
    return f"The model does not make data like these in {_list(parts)}."


def say_residuals(residuals: Residuals) -> str:
    """Write which lags go beyond their limit."""
    beyond = np.abs(residuals.autocorrelation) > residuals.limit
    lag = residuals.lags[0]
    lead = (
        f"Autocorrelation of innovations is {write_number(residuals.autocorrelation[0], 2)} at "
        f"{lag} step{'' if lag == 1 else 's'}"
    )
    if not beyond.any():
        return f"{lead}; no distance goes beyond what independence allows."
    lags = [str(lag) for lag, out in zip(residuals.lags, beyond, strict=True) if out]
    return (
        f"{lead}; it goes beyond what independence allows at {len(lags)} of {len(residuals.lags)} "
        f"distances: {_list(lags)}."
    )


def say_left_out(card: LeaveOneOut, cells: ParetoCells | None) -> str:
    """Write how well rows are predicted from the others, and which ones cannot be judged so."""
    limit = write_number(card.threshold, 2)
    lead = (
        f"Expected log predictive density of {card.rows:,} rows, each left out: "
        f"{write_number(card.elpd, 4)} (standard error {write_number(card.standard_error)}), with "
        f"{write_number(card.effective_parameters)} effective parameters. The largest Pareto k is "
        f"{write_number(card.worst_k, 2)}, of {card.worst}."
    )
    if card.bad_rows == 0:
        return f"{lead} None is above {limit}, so every row's part can be relied on."
    named = ""
    if cells is not None:
        bad = cells.k > card.threshold
        named = f": {_list([f'{cells.unit[place]} {cells.name[place]}' for place in np.flatnonzero(bad)])}"
    verb = "row is" if card.bad_rows == 1 else "rows are"
    return f"{lead} {card.bad_rows} {verb} above {limit}, not to be relied on{named}."


def say_priors(priors: Sequence[PriorCurves]) -> str:
    """Write of which parameter the data said least."""
    least = min(priors, key=lambda one: one.contraction)
    return (
        f"The data took away at least {write_probability(max(0.0, least.contraction))} of each prior's "
        f"variance; {least.name} is where they said least."
    )


def say_sensitivity(rows: Sequence[Sensitivity]) -> str:
    """Write which parameters move with their prior."""
    moved = [row.parameter for row in rows if row.prior > row.threshold]
    if not moved:
        return "No parameter's posterior moves noticeably when its prior is made stronger or weaker."
    return f"The posterior moves with the strength of the prior for {_list(moved)}."


def say_least_squares(card: LeastSquaresCard, slope: ParameterSummary | None) -> str:
    """Write the slope by both methods, and how wide their intervals are."""
    classical, clustered = (high - low for low, high in (card.classical_interval, card.clustered_interval))
    lead = (
        f"Least squares with flat effects gives a slope of {write_number(card.slope)}. Its 94 % interval is "
        f"{write_number(classical)} wide with classical errors and {write_number(clustered)} with errors "
        f"clustered on {card.clusters} units"
    )
    if slope is None:
        return f"{lead}."
    mean, width = write_number(slope.mean), write_number(slope.upper - slope.lower)
    return f"{lead}; the model's slope is {mean}, its interval {width} wide."


def find_peak(curve: Curve) -> float:
    """Return where a density is highest; not a number where there is none."""
    return float(curve[0][np.argmax(curve[1])]) if curve[0].size else float("nan")


def write_count(value: float) -> str:
    """Write effective draws."""
    return f"{value:,.0f}" if np.isfinite(value) else "an unknown number"


def _list(names: Sequence[str]) -> str:
    shown, last = names[:-1], names[-1]
    if len(names) > NAMED + 1:
        shown, last = names[:NAMED], f"{len(names) - NAMED} others"
    return f"{', '.join(shown)} and {last}" if shown else last
