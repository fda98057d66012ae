"""Replicas and the proxy tell what they measure, on ports that only the stack itself can reach."""

import json
import re

import requests

from probes import Session, eventually, visit
from stack import REPOSITORY, Stack

READ = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"
OBSERVABILITY = REPOSITORY / "observability"
OURS = re.compile(r"\b(?:longitude|traefik|process)_[a-z_]+\b")


def read(stack: Stack, url: str) -> str:
    """Read an address from within a replica."""
    return stack.compose("exec", "-T", "bokeh", "python", "-c", READ, url).stdout


def test_metrics_are_told_within_the_stack_and_not_to_visitors(stack: Stack) -> None:
    with Session(visit(stack)) as session:
        session.change("unit", "NY")
        eventually(
            lambda: "longitude_sessions_open" in read(stack, "http://127.0.0.1:5007/metrics"), 20, "metrics"
        )
    assert "traefik_entrypoint_requests_total" in read(stack, "http://traefik:8083/metrics")
    for path in ("/metrics", "/api/metrics"):
        answer = requests.get(stack.url + path, verify=str(stack.ca), timeout=20)
        assert "longitude_" not in answer.text
        assert "traefik_" not in answer.text


def test_alerts_and_dashboard_speak_of_what_is_measured(stack: Stack) -> None:
    visit(stack)
    told = read(stack, "http://127.0.0.1:5007/metrics") + read(stack, "http://traefik:8083/metrics")
    measured = set(re.findall(r"^# TYPE (\S+)", told, re.MULTILINE))
    dashboard = json.loads((OBSERVABILITY / "grafana" / "dashboards" / "longitude.json").read_text())
    spoken = " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    spoken += (OBSERVABILITY / "alerts.yaml").read_text()
    names = {re.sub(r"_(bucket|count)$", "", name) for name in OURS.findall(spoken)}
    assert len(names) > 10
    # The first error of a kind makes its line; certificates are told once one has been served.
    assert names - measured == set()
