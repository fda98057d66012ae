"""The sections that rest on the manifest alone: the model, where the data come from, the downloads."""

from datetime import UTC

from dashboard.analyst_sections import Part, Section
from dashboard.download_names import locate_download, name_download
from dashboard.markup import (
    write_code,
    write_heading,
    write_link,
    write_list,
    write_paragraphs,
    write_table,
)
from dashboard.numerals import write_number
from dashboard.versions import LoadedVersion
from tracestore.manifest import MANIFEST_FILE, TRACE_FILE, Manifest

MEGABYTE = 1e6


def write_account(version: LoadedVersion) -> tuple[Section, ...]:
    """Give every section that needs no draws, in their order on the page."""
    manifest = version.manifest
    return (
        Section("analyst-download", (Part(_tell_download(manifest)),)),
        Section("analyst-model", (Part(_tell_model(manifest)),)),
        Section("analyst-provenance", (Part(_tell_provenance(manifest)),)),
    )


def write_opening_lines(manifest: Manifest) -> tuple[str, str, str]:
    """Give the lines that open the saved trace in a notebook."""
    return (
        "import arviz as az",
        f'trace = az.from_netcdf("{name_download(manifest, TRACE_FILE)}")',
        "az.summary(trace)",
    )


def _tell_model(manifest: Manifest) -> str:
    card = manifest.card
    if card is None:
        return write_paragraphs(("The model's equations and priors are not part of this version.",))
    priors = write_table(
        "Priors, in the units of the data",
        ("parameter", "prior", "why"),
        [(one.parameter, one.distribution, one.reason) for one in card.priors],
        words=frozenset({1, 2}),
    )
    return (
        write_code(card.equations)
        + write_paragraphs(card.words)
        + priors
        + write_heading("What it cannot say")
        + write_list(card.limits)
    )


def _tell_provenance(manifest: Manifest) -> str:
    study, sampling, identity = manifest.study, manifest.sampling, manifest.identity
    seconds = ", ".join(f"{phase} {value:.2f}" for phase, value in sampling.seconds.items())
    facts = [
        ("source", study.source or "not stated in study.toml"),
        ("data, SHA-256", identity.data_sha256),
        ("study.toml, SHA-256", identity.study_sha256),
        ("units", f"{len(manifest.units):,} ({study.unit.column})"),
        ("periods", _say_periods(manifest)),
        ("outcome", _say_column(manifest, "outcome")),
        ("treatment", _say_column(manifest, "treatment")),
        ("controls", ", ".join(study.controls) or "none"),
        ("rows", _say_rows(manifest)),
        ("fitted", f"{manifest.created_at.astimezone(UTC):%-d %B %Y, %H:%M:%S} UTC"),
        ("sampler", sampling.sampler),
        ("draws", f"{sampling.chains} chains of {sampling.draws:,} after {sampling.tune:,} of tuning"),
        ("seconds", seconds or "not recorded"),
        ("seed", str(sampling.seed)),
        ("model code", identity.model_version),
    ]
    packages = write_table(
        "Packages", ("package", "version"), sorted(identity.packages.items()), words=frozenset({1})
    )
    known = write_table(
        "What went in, and how the draws were made", ("what", "value"), facts, words=frozenset({1})
    )
    warned = write_heading("What the panel is weak in") + write_list(manifest.warnings)
    return known + (warned if manifest.warnings else "") + (packages if identity.packages else "")


def _tell_download(manifest: Manifest) -> str:
    entry = manifest.files[TRACE_FILE]
    size = write_number(entry.size / MEGABYTE)
    links = (
        write_link(locate_download(manifest, TRACE_FILE), f"Trace (NetCDF, {size} MB)"),
        write_link(locate_download(manifest, MANIFEST_FILE), "Manifest (JSON)"),
    )
    return (
        f"<p>{' '.join(links)}</p>"
        + write_paragraphs(("All draws and everything shown here, opened in a notebook with:",))
        + write_code(write_opening_lines(manifest))
        + write_paragraphs((f"SHA-256 of the trace: {entry.sha256}",))
    )


def _say_periods(manifest: Manifest) -> str:
    periods = manifest.period_names
    return f"{len(periods):,}, {periods[0]} to {periods[-1]} ({manifest.study.period.column})"


def _say_rows(manifest: Manifest) -> str:
    card = manifest.criticism.leave_one_out if manifest.criticism is not None else None
    cells = len(manifest.units) * len(manifest.periods)
    return f"{card.rows:,} of {cells:,} cells" if card is not None else f"at most {cells:,}"


def _say_column(manifest: Manifest, which: str) -> str:
    variable = manifest.study.outcome if which == "outcome" else manifest.study.treatment
    scale = {"log": "as its logarithm", "identity": "as it is", "standardised": "standardised"}[
        variable.transform
    ]
    units = f", {variable.units}" if variable.units else ""
    return f"{variable.column}: {variable.label}{units}; enters the model {scale}"
