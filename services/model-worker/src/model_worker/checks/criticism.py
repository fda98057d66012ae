"""Criticism of a fit beyond its diagnostics; it never blocks a version from being served."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.stats
import xarray as xr
from numpy.typing import NDArray

from model_worker.checks import leave_one_out as leaving
from model_worker.checks import predictive_checks as checks
from model_worker.checks import prior_sensitivity
from model_worker.checks.posterior_predictive import (
    Replicates,
    count_replicates,
    draw_replicates,
    posterior_predictive_group,
)
from model_worker.checks.priors import draw_priors, proper_priors
from model_worker.design.least_squares import clustered_errors
from model_worker.design.regression import Design
from model_worker.design.study_input import StudyInput
from model_worker.results.counterfactual import predict_counterfactual
from model_worker.results.thinning import thin
from tracestore.criticism import Criticism, LeastSquaresCard, LeaveOneOut, PredictiveCheck, Sensitivity

Floats = NDArray[np.float64]

MASS = 0.94

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Findings:
    """The criticism's trace groups, by name, and its summary for the manifest."""

    groups: dict[str, xr.Dataset]
    summary: Criticism


def criticise(
    given: StudyInput, posterior: xr.Dataset, sample_stats: xr.Dataset, rng: np.random.Generator
) -> Findings | None:
    """Return the criticism of a fit.

    Returns
    -------
    Findings or None
        None if any draw is not finite. A statistic that cannot be computed is logged and omitted.
    """
    if not all(np.isfinite(values).all() for values in posterior.data_vars.values()):
        return None
    return _Critic(given, posterior, sample_stats, rng).criticise()


class _Critic:
    def __init__(
        self, given: StudyInput, posterior: xr.Dataset, sample_stats: xr.Dataset, rng: np.random.Generator
    ) -> None:
        self._given, self._posterior, self._sample_stats, self._rng = given, posterior, sample_stats, rng
        self._groups: dict[str, xr.Dataset] = {}

    def criticise(self) -> Findings:
        given, posterior = self._given, self._posterior
        self._add("counterfactual", lambda: predict_counterfactual(given.study, given.panel, posterior))
        self._add("prior", lambda: draw_priors(given.design, posterior, self._rng))
        found = self._check_replicates()
        one_out, density = self._leave_one_out()
        summary = Criticism(
            predictive_checks=found,
            leave_one_out=one_out,
            sensitivity=self._judge_sensitivity(density),
            least_squares=compare_least_squares(given.design),
        )
        return Findings(self._groups, summary)

    def _attempt[Found](self, what: str, compute: Callable[[], Found]) -> Found | None:
        # A numerical failure in a library routine must not block the fit.
        try:
            with np.errstate(all="ignore"):
                return compute()
        except (ArithmeticError, ValueError, LookupError, np.linalg.LinAlgError) as error:
            self._warn(what, str(error))
            return None

    def _warn(self, what: str, reason: str) -> None:
        study = {"study": self._given.study.name}
        log.warning("%s could not be computed and is left out: %s", what, reason, extra=study)

    def _add(self, name: str, compute: Callable[[], xr.Dataset]) -> None:
        found = self._attempt(f"the group {name}", compute)
        if found is not None:
            self._groups[name] = found

    def _check_replicates(self) -> tuple[PredictiveCheck, ...]:
        panel, posterior = self._given.panel, self._posterior
        if not count_replicates(panel):
            return ()
        made = self._attempt(
            "replication", lambda: draw_replicates(self._given.study, panel, posterior, self._rng)
        )
        if made is None:
            return ()
        self._add("posterior_predictive", lambda: posterior_predictive_group(panel, posterior, made))
        self._add("residual", lambda: checks.residual_group(panel, posterior, made.innovation))
        return self._compare(made)

    def _compare(self, made: Replicates) -> tuple[PredictiveCheck, ...]:
        heavy = "nu" in self._posterior
        compared = self._attempt(
            "predictive checks", lambda: checks.compare_replicates(self._given.panel, made, heavy=heavy)
        )
        if compared is None:
            return ()
        kept = {name: pair for name, pair in compared.items() if np.isfinite(pair).all()}
        for name in compared.keys() - kept.keys():
            self._warn(f"the predictive check {name}", "it is not defined for this panel")
        if not kept:
            return ()
        self._add("predictive_check", lambda: checks.check_group(kept))
        return tuple(checks.summarise(name, *pair) for name, pair in kept.items())

    def _leave_one_out(self) -> tuple[LeaveOneOut | None, Floats | None]:
        given, posterior = self._given, self._posterior
        if len(given.panel.outcome) > leaving.MOST_ROWS:
            return None, None
        value = thin(posterior, leaving.DRAWS)
        densities = leaving.log_likelihoods(given.study, given.panel, value)
        efficiency = leaving.efficiency_of(posterior, densities.shape[1])
        found = self._attempt(
            "leave-one-out", lambda: leaving.leave_one_out(given.panel, posterior, densities, efficiency)
        )
        if found is None:
            return None, densities.sum(axis=0)
        self._groups["leave_one_out"] = found[0]
        return found[1], densities.sum(axis=0)

    def _judge_sensitivity(self, rows_density: Floats | None) -> tuple[Sensitivity, ...]:
        names = list(proper_priors(self._given.design, (str(name) for name in self._posterior.data_vars)))
        if "nu" in self._posterior and rows_density is None:
            return ()
        what = "prior sensitivity"
        found = self._attempt(what, lambda: self._power_scale(names, rows_density)) or []
        for name in set(names) - {each.parameter for each in found}:
            self._warn(f"{what} of {name}", "it is not defined")
        return tuple(found)

    def _power_scale(self, names: list[str], rows_density: Floats | None) -> list[Sensitivity]:
        design, posterior = self._given.design, self._posterior
        if "nu" in posterior and rows_density is not None:
            value = thin(posterior[names], leaving.DRAWS)
            likelihood = rows_density
        else:
            value = thin(posterior[names], posterior["beta"].size)
            sampled = self._sample_stats["logp"].to_numpy().reshape(-1)
            likelihood = prior_sensitivity.log_likelihood_of(design, value, sampled)
        return prior_sensitivity.judge_sensitivity(
            value, prior_sensitivity.log_prior_of(design, value), likelihood
        )


def compare_least_squares(design: Design) -> LeastSquaresCard:
    """Return the least-squares slope of the treatment in the data's units, with both standard errors."""
    fit = design.least_squares
    ratio = design.outcome_scale / design.scales[0]
    errors, clusters = clustered_errors(design.space, design.outcome, design.regressors, fit)
    slope, classical, clustered = (
        float(ratio * value[0]) for value in (fit.slopes, fit.standard_errors, errors)
    )
    return LeastSquaresCard(
        slope=slope,
        classical_error=classical,
        classical_interval=_interval(slope, classical, fit.freedom),
        clustered_error=clustered,
        clustered_interval=_interval(slope, clustered, clusters - 1),
        freedom=fit.freedom,
        clusters=clusters,
    )


def _interval(slope: float, error: float, freedom: int) -> tuple[float, float]:
    half = float(scipy.stats.t.ppf((1 + MASS) / 2, freedom)) * error
    return slope - half, slope + half
