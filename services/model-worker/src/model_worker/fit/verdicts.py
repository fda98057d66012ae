"""Description of a verdict in words."""

from tracestore.manifest import Verdict


def explain(verdict: Verdict) -> str:
    """Return one sentence with the failed checks, their values and thresholds; empty when all pass."""
    failed = [
        f"{check.name} is {'missing' if check.value is None else f'{check.value:.4g}'}"
        f"{f' for {check.worst}' if check.worst else ''} (limit {check.threshold:g})"
        for check in verdict.checks
        if not check.passed
    ]
    if not failed and not verdict.passed:
        failed = ["nothing was checked"]
    return f"The fit did not pass its diagnostics: {'; '.join(failed)}." if failed else ""
