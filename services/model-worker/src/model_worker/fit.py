"""One fit from input to published version: compile, sample, diagnose, publish."""

import logging
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

from model_worker.inputs import StudyInput
from model_worker.progress import Progress
from model_worker.settings import Settings
from model_worker.verdicts import explain
from model_worker.writer import Writer
from tracestore.manifest import Manifest, ManifestDraft, Sampling, utc_now

log = logging.getLogger(__name__)

_RECOVERY_STREAM, _BAND_STREAM = 1, 2


class Stopwatch:
    """Seconds of each phase, one after the other."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = monotonic()

    def lap(self, phase: str) -> None:
        """End a phase."""
        now = monotonic()
        self.seconds[phase], self._since = round(now - self._since, 3), now


def fit_study(
    given: StudyInput, settings: Settings, writer: Writer, progress: Progress, stop: Event
) -> Manifest:
    """Fit a study and publish the version; the gate decides whether it is served.

    Parameters
    ----------
    given
        The checked input.
    settings
        Chains, draws, seed and retention.
    writer
        Where the version goes.
    progress
        Told of every phase and of the draws.
    stop
        Ends the sampling when set.

    Returns
    -------
    Manifest
        Of the version in the store, whether it passed its diagnostics or not.

    Raises
    ------
    SamplingStopped
        `stop` was set.
    PublishFailed
        The store could not be written; what is served is untouched.
    RuntimeError
        The sampler found nowhere to start.
    """
    watch = Stopwatch()
    progress.enter("compiling")
    # PyMC and numba take seconds to import, which studies that are published already need not wait for.
    import numpy as np

    from model_worker import band, diagnostics, model, posterior, publish, sampling

    watch.lap("import")
    statistics = model.reduce_design(given.design)
    watch.lap("reduce")
    sampling.compile_model(statistics.shape)
    watch.lap("compile")
    progress.enter("sampling", draws_total=settings.chains * (settings.tune + settings.draws))
    draws = sampling.sample(
        statistics,
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
        seed=settings.seed,
        progress=progress.count_draws,
        stop=stop,
    )
    watch.lap("sample")
    progress.enter("diagnosing")
    rng = np.random.default_rng([settings.seed, _RECOVERY_STREAM])
    recovered = posterior.recover_posterior(draws, given.design, given.panel, rng)
    verdict = diagnostics.judge(recovered, draws.sample_stats, chains=settings.chains, draws=settings.draws)
    watch.lap("diagnose")
    progress.enter("publishing")
    rng = np.random.default_rng([settings.seed, _BAND_STREAM])
    predicted = band.predict_band(given.study, given.panel, recovered, rng)
    trace = publish.assemble_trace(given.panel, recovered, draws.sample_stats, predicted)
    watch.lap("predict")
    draft = ManifestDraft(
        study=given.study.card(),
        identity=given.identity,
        created_at=utc_now(),
        units=given.panel.units,
        periods=given.panel.periods,
        verdict=verdict,
        sampling=_describe(sampling.SAMPLER, settings, watch.seconds),
    )
    manifest = writer.publish(draft, lambda directory: publish.write_trace(trace, directory))
    watch.lap("publish")
    _report(manifest, watch.seconds, explain(verdict))
    removed = writer.retain(given.study.name, settings.retention_versions, settings.retention_ttl)
    if removed:
        log.info("removed the old versions %s", ", ".join(removed), extra={"study": given.study.name})
    return manifest


def serve_again(manifest: Manifest, writer: Writer) -> None:
    """Make a version that is in the store the current one, if its verdict passed.

    Raises
    ------
    PublishFailed
        The store could not be written.
    """
    fields: dict[str, Any] = {name: getattr(manifest, name) for name in ManifestDraft.model_fields}
    writer.publish(ManifestDraft(**fields), _refuse)


def _refuse(directory: Path) -> None:
    raise RuntimeError(f"{directory}: the version to serve again is no longer in the store")


def _describe(sampler: str, settings: Settings, seconds: dict[str, float]) -> Sampling:
    return Sampling(
        sampler=sampler,
        chains=settings.chains,
        draws=settings.draws,
        tune=settings.tune,
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
