"""Pipeline of one fit from input to published version: compile, sample, diagnose, publish."""

import logging
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

from model_worker.design.data_warnings import find_data_warnings
from model_worker.design.study_input import StudyInput
from model_worker.fit.verdicts import explain
from model_worker.service.progress import Progress
from model_worker.service.store_writer import StoreWriter
from model_worker.settings import Settings
from tracestore.manifest import Manifest, ManifestDraft, Sampling, Verdict, utc_now

if TYPE_CHECKING:
    import xarray as xr

    from model_worker.fit.reduction import Reduced

log = logging.getLogger(__name__)

_RECOVERY_STREAM, _BAND_STREAM, _CRITICISM_STREAM = 1, 2, 3

RETRY_TUNE = 4
"""Factor on the tuning draws when a fit that did not pass is sampled once more."""


class Stopwatch:
    """Seconds spent in each of a sequence of phases."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = monotonic()

    def lap(self, phase: str) -> None:
        """End a phase and add its seconds to any earlier ones of the same name."""
        now = monotonic()
        spent = self.seconds.get(phase, 0.0) + now - self._since
        self.seconds[phase], self._since = round(spent, 3), now


def fit_study(
    given: StudyInput, settings: Settings, writer: StoreWriter, progress: Progress, stop: Event
) -> Manifest:
    """Fit a study and publish the version; the gate decides whether it is served.

    Parameters
    ----------
    given
        The checked input.
    settings
        Chains, draws, seed and retention.
    writer
        Writer that publishes the version.
    progress
        Receives every phase and the number of draws.
    stop
        Event that ends the sampling.

    Returns
    -------
    Manifest
        Manifest of the version in the store, whether or not it passed its diagnostics.

    Raises
    ------
    SamplingStopped
        If `stop` was set.
    PublishFailed
        If the store could not be written; the served version is unchanged.
    RuntimeError
        If the sampler found no valid starting point.
    """
    watch = Stopwatch()
    progress.enter("compiling")
    warnings = find_data_warnings(given.study, given.panel, given.design)
    for warning in warnings:
        log.warning("%s", warning, extra=study_of(given))
    # PyMC and numba take seconds to import; studies that are already published need neither.
    import numpy as np

    from model_worker.checks import criticism, model_card
    from model_worker.fit import reduction, sampling
    from model_worker.results import answer, predictive_band
    from model_worker.service import trace_file

    watch.lap("import")
    statistics = reduction.reduce_design(given.design)
    watch.lap("reduce")
    sampling.compile_model(statistics.shape)
    watch.lap("compile")
    attempt = _Attempt(given, settings, progress, stop)
    recovered, sample_stats, verdict = attempt.make(statistics, settings.tune, watch)
    tune = settings.tune
    if not verdict.passed:
        tune *= RETRY_TUNE
        reason = explain(verdict)
        log.warning("%s Trying once more with %d draws of tuning.", reason, tune, extra=study_of(given))
        recovered, sample_stats, verdict = attempt.make(statistics, tune, watch)
    progress.enter("publishing")
    rng = np.random.default_rng([settings.seed, _BAND_STREAM])
    predicted = predictive_band.predict_band(given.study, given.panel, recovered, rng)
    watch.lap("predict")
    rng = np.random.default_rng([settings.seed, _CRITICISM_STREAM])
    found = criticism.criticise(given, recovered, sample_stats, rng)
    groups = {"band": predicted, **(found.groups if found else {})}
    trace = trace_file.assemble_trace(given.panel, recovered, sample_stats, groups)
    watch.lap("criticise")
    draft = ManifestDraft(
        study=given.study.card(),
        identity=given.identity,
        created_at=utc_now(),
        units=given.panel.units,
        periods=given.panel.periods,
        period_labels=given.panel.period_labels,
        warnings=warnings,
        verdict=verdict,
        sampling=_describe(sampling.SAMPLER, settings, tune, watch.seconds),
        criticism=found.summary if found else None,
        card=model_card.describe_model(given, [str(name) for name in recovered.data_vars]),
        answer=answer.state_answer(given.study, given.panel, recovered),
    )
    manifest = writer.publish(draft, lambda directory: trace_file.write_trace(trace, directory))
    watch.lap("publish")
    _report(manifest, watch.seconds, explain(verdict))
    removed = writer.retain(given.study.name, settings.retention_versions, settings.retention_ttl)
    if removed:
        log.info("removed the old versions %s", ", ".join(removed), extra={"study": given.study.name})
    return manifest


class _Attempt:
    """An attempt at a fit: one round of sampling and judging."""

    def __init__(self, given: StudyInput, settings: Settings, progress: Progress, stop: Event) -> None:
        self._given, self._settings, self._progress, self._stop = given, settings, progress, stop

    def make(
        self, statistics: "Reduced", tune: int, watch: Stopwatch
    ) -> tuple["xr.Dataset", "xr.Dataset", Verdict]:
        """Return the posterior, the sampler's statistics and the verdict."""
        import numpy as np

        from model_worker.fit import gate, posterior, sampling
        from model_worker.results import estimand

        given, settings = self._given, self._settings
        self._progress.enter("sampling", draws_total=settings.chains * (tune + settings.draws))
        draws = sampling.sample(
            statistics,
            chains=settings.chains,
            draws=settings.draws,
            tune=tune,
            seed=settings.seed,
            progress=self._progress.count_draws,
            stop=self._stop,
        )
        watch.lap("sample")
        self._progress.enter("diagnosing")
        rng = np.random.default_rng([settings.seed, _RECOVERY_STREAM])
        recovered = posterior.recover_posterior(draws, given.design, given.panel, rng)
        watch.lap("recover")
        effects = estimand.effects_of_change(given.study, given.panel, recovered)
        verdict = gate.judge(
            recovered, effects, draws.sample_stats, chains=settings.chains, draws=settings.draws
        )
        watch.lap("diagnose")
        return recovered, draws.sample_stats, verdict


def study_of(given: StudyInput) -> dict[str, str]:
    """Return the log record's extra fields, which name the study."""
    return {"study": given.study.name}


def serve_again(manifest: Manifest, writer: StoreWriter) -> None:
    """Make a version in the store the current one if its verdict passed.

    Raises
    ------
    PublishFailed
        If the store could not be written.
    """
    fields: dict[str, Any] = {name: getattr(manifest, name) for name in ManifestDraft.model_fields}
    writer.publish(ManifestDraft(**fields), _raise_missing)


def _raise_missing(directory: Path) -> None:
    raise RuntimeError(f"{directory}: the version to serve again is no longer in the store")


def _describe(sampler: str, settings: Settings, tune: int, seconds: dict[str, float]) -> Sampling:
    return Sampling(
        sampler=sampler,
        chains=settings.chains,
        draws=settings.draws,
        tune=tune,
        seed=settings.seed,
        seconds=seconds.copy(),
    )


def _report(manifest: Manifest, seconds: dict[str, float], failure: str) -> None:
    study = {"study": manifest.study.name}
    timing = ", ".join(f"{phase} {value:.1f} s" for phase, value in seconds.items())
    log.info("fitted version %s: %s", manifest.version, timing, extra=study)
    if failure:
        log.error("version %s is kept and not served. %s", manifest.version, failure, extra=study)
    else:
        log.info("version %s is published and current", manifest.version, extra=study)
