"""The words of the page on the worker: progress, faults of the input, failed fits."""

from itertools import groupby

from dashboard.numerals import write_duration
from tracestore.manifest import Fault, Phase, Status

SENTENCES_PER_KIND = 5

PHASES: dict[Phase, str] = {
    "waiting": "Waiting for its turn",
    "reading": "Reading the data",
    "compiling": "Preparing the sampler",
    "sampling": "Drawing from the posterior",
    "diagnosing": "Checking the draws",
    "publishing": "Publishing",
    "published": "Published",
    "failed": "The fit failed",
    "invalid": "The input has faults",
}


def describe_progress(status: Status | None) -> dict[str, str]:
    """Return the words of a fit in progress; `progress` is a whole percentage for the progress bar."""
    if status is None:
        phase = "The worker has not looked at this study yet"
        return {"phase": phase, "draws": "", "eta": "", "progress": "0"}
    total, done = status.draws_total, min(status.draws_done, status.draws_total)
    return {
        "phase": PHASES[status.phase],
        "draws": f"{done:,} of {total:,} draws" if total else "",
        "eta": f"{write_duration(status.eta_seconds)} to go" if status.eta_seconds is not None else "",
        "progress": str(100 * done // total if total else 0),
    }


def describe_refit(status: Status | None, version: str) -> tuple[str, ...]:
    """Return the notices that a published study carries while the worker is busy with it, or failed.

    `version` is the one that the page shows meanwhile.
    """
    if status is None or status.phase in ("waiting", "published"):
        return ()
    if status.phase == "failed":
        reason = state_reason(status)
        notice = f"The new fit was not published: {reason} You are looking at version {version}."
    elif status.phase == "invalid":
        notice = f"The files of this study have faults, listed below; you are looking at version {version}."
    else:
        words = describe_progress(status)
        parts = ", ".join(part for part in (words["phase"].lower(), words["draws"], words["eta"]) if part)
        notice = f"A new fit of this study is in progress: {parts}. You can go on with version {version}."
    return (notice,)


def state_reason(status: Status) -> str:
    """Return the worker's reason as a sentence."""
    reason = (status.error or "the worker gave no reason").strip()
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def list_faults(faults: tuple[Fault, ...]) -> tuple[str, ...]:
    """Return faults by kind: a heading, then up to `SENTENCES_PER_KIND` lines after a tab."""
    lines: list[str] = []
    for kind, group in groupby(sorted(faults, key=lambda fault: fault.kind), key=lambda fault: fault.kind):
        members = list(group)
        name = kind.replace("_", " ").replace("-", " ")
        lines.append(f"{name[:1].upper()}{name[1:]} ({sum(fault.times for fault in members):,})")
        lines.extend(f"\t{' '.join(fault.sentence().split())}" for fault in members[:SENTENCES_PER_KIND])
        if more := sum(fault.times for fault in members[SENTENCES_PER_KIND:]):
            lines.append(f"\tand {more:,} more of this kind")
    return tuple(lines)
