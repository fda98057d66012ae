"""The sections that rest on the manifest alone: the model, where the data come from, the downloads."""

from datetime import UTC

from dashboard.analyst_sections import Section
from dashboard.download_names import locate_download, name_download
from dashboard.markup import write_code, write_heading, write_link, write_list, write_paragraphs, write_table
from dashboard.numerals import write_number
from tracestore.manifest import MANIFEST_FILE, TRACE_FILE, Manifest, Variable


def write_account(manifest: Manifest) -> tuple[Section, ...]:
    """Return every section that needs no draws, in their order on the page."""
    return (
        ("analyst-download", (_write_download(manifest),)),
        ("analyst-model", (_write_model(manifest),)),
        ("analyst-provenance", (_write_provenance(manifest),)),
    )


def write_opening_lines(manifest: Manifest) -> tuple[str, str, str]:
    """Return the lines that open the saved trace in a notebook."""
    return (
        "import arviz as az",
        f'trace = az.from_netcdf("{name_download(manifest, TRACE_FILE)}")',
        "az.summary(trace)",
    )


def _write_model(manifest: Manifest) -> str:
    card = manifest.card
    if card is None:
        return write_paragraphs("The model's equations and priors are not part of this version.")
    priors = write_table(
        "Priors, in the units of the data",
        ("parameter", "prior", "why"),
        [(one.parameter, one.distribution, one.reason) for one in card.priors],
        words=frozenset({1, 2}),
    )
    limits = write_heading("What it cannot say") + write_list(card.limits)
    return write_code(card.equations) + write_paragraphs(*card.words) + priors + limits


def _write_provenance(manifest: Manifest) -> str:
    study, sampling, identity = manifest.study, manifest.sampling, manifest.identity
    units, periods = len(manifest.units), manifest.period_names
    cells = units * len(periods)
    left_out = manifest.criticism.leave_one_out if manifest.criticism is not None else None
    seconds = ", ".join(f"{phase} {value:.2f}" for phase, value in sampling.seconds.items())
    facts = [
        ("source", study.source or "not stated in study.toml"),
        ("data, SHA-256", identity.data_sha256),
        ("study.toml, SHA-256", identity.study_sha256),
        ("units", f"{units:,} ({study.unit.column})"),
        ("periods", f"{len(periods):,}, {periods[0]} to {periods[-1]} ({study.period.column})"),
        ("outcome", _describe_variable(study.outcome)),
        ("treatment", _describe_variable(study.treatment)),
        ("controls", ", ".join(study.controls) or "none"),
        ("rows", f"{left_out.rows:,} of {cells:,} cells" if left_out is not None else f"at most {cells:,}"),
        ("fitted", f"{manifest.created_at.astimezone(UTC):%-d %B %Y, %H:%M:%S} UTC"),
        ("sampler", sampling.sampler),
        ("draws", f"{sampling.chains} chains of {sampling.draws:,} after {sampling.tune:,} of tuning"),
        ("seconds", seconds or "not recorded"),
        ("seed", str(sampling.seed)),
        ("model code", identity.model_version),
    ]
    words = frozenset({1})
    html = write_table("What went in, and how the draws were made", ("what", "value"), facts, words=words)
    if manifest.warnings:
        html += write_heading("What the panel is weak in") + write_list(manifest.warnings)
    if identity.packages:
        packages = sorted(identity.packages.items())
        html += write_table("Packages", ("package", "version"), packages, words=words)
    return html


def _write_download(manifest: Manifest) -> str:
    entry = manifest.files[TRACE_FILE]
    trace = f"Trace (NetCDF, {write_number(entry.size / 1e6)} MB)"
    links = (
        write_link(locate_download(manifest, TRACE_FILE), trace),
        write_link(locate_download(manifest, MANIFEST_FILE), "Manifest (JSON)"),
    )
    return (
        f"<p>{' '.join(links)}</p>"
        + write_paragraphs("All draws and everything shown here, opened in a notebook with:")
        + write_code(write_opening_lines(manifest))
        + write_paragraphs(f"SHA-256 of the trace: {entry.sha256}")
    )


def _describe_variable(variable: Variable) -> str:
    scales = {"log": "as its logarithm", "identity": "as it is", "standardised": "standardised"}
    units = f", {variable.units}" if variable.units else ""
    return f"{variable.column}: {variable.label}{units}; enters the model {scales[variable.transform]}"
