"""A clean start, fit, visit and stop leave nothing in the logs that would worry a stranger."""

import json
import re

from playwright.sync_api import expect

from browser import chromium
from probes import Session, eventually, visit
from stack import Stack, running

WORRYING = re.compile(
    r"\b(WARN(ING)?|ERROR|CRITICAL|FATAL|ALERT|EMERG)\b|\[(warn|error|crit|alert|emerg)\]|Traceback|Warning:|Exception"
)


def worries(line: str) -> bool:
    """Return whether a line is at warning level or above, as the service that wrote it says levels."""
    if line.startswith("{"):
        record = json.loads(line)
        return record.get("level") not in {"info", "debug"} or int(record.get("DownstreamStatus", 0)) >= 500
    return WORRYING.search(line) is not None


def test_clean_start_fit_visit_and_stop_log_nothing_at_warning_level() -> None:
    with running(Stack("longitude-test-logs", replicas_wanted=2)) as stack:
        names = sorted(folder.name for folder in stack.studies.iterdir())
        eventually(lambda: all(stack.published(name) for name in names), 120, "both studies published")
        with Session(visit(stack)) as session:
            session.change("unit", "NY")
        with chromium(stack.ca) as browser:
            tab = browser.new_page()
            tab.goto(stack.url)
            expect(tab.locator("#slot-unit select")).to_be_visible(timeout=30_000)
        stack.compose("stop", "--timeout", "20")
        lines = [line for line in stack.logs().splitlines() if line.strip()]
        assert len(lines) > 20
        assert [line for line in lines if worries(line)] == []
        for name in ("model-worker", "bokeh"):
            codes = {
                row["ExitCode"]
                for text in stack.compose("ps", "--all", "--format", "json", name).stdout.splitlines()
                for row in [json.loads(text)]
            }
            assert codes == {0}, name
