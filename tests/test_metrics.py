"""Replicas and the proxy tell what they measure, on ports that only the stack itself can reach."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from probes import Session, eventually, visit
from stack import REPOSITORY, Stack

READ = """
import sys, urllib.request
for url in sys.argv[1:]:
    print(urllib.request.urlopen(url, timeout=10).read().decode().strip())
"""
OBSERVABILITY = REPOSITORY / "observability"
OURS = re.compile(r"\b(?:longitude|traefik|process)_[a-z_]+\b")


def read(stack: Stack, *urls: str) -> str:
    """Read addresses from within a replica, one after the other."""
    return stack.compose("exec", "-T", "bokeh", "python", "-c", READ, *urls).stdout


def list_expressions() -> list[tuple[str, str]]:
    """List what Grafana's dashboard asks for: the title of a panel and an expression of it."""
    dashboard = json.loads((OBSERVABILITY / "grafana" / "dashboards" / "longitude.json").read_text())
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel["targets"]]


def ask(stack: Stack, *questions: str) -> list[Any]:
    """Ask Prometheus' API; give the data of its answers."""
    lines = read(stack, *(f"http://prometheus:9090/api/v1/{question}" for question in questions))
    return [json.loads(line)["data"] for line in lines.splitlines()]


@pytest.fixture(scope="module")
def prometheus(stack: Stack) -> Iterator[Stack]:
    """Prometheus beside the stack, as the profile `observability` has it."""
    stack.compose("up", "--detach", "--wait", "--no-build", "--no-deps", "prometheus")
    try:
        yield stack
    finally:
        stack.compose("rm", "--force", "--stop", "--volumes", "prometheus")


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
    spoken = " ".join(expression for _, expression in list_expressions())
    spoken += (OBSERVABILITY / "alerts.yaml").read_text()
    names = {re.sub(r"_(bucket|count)$", "", name) for name in OURS.findall(spoken)}
    assert len(names) > 10
    # The first error of a kind makes its line; certificates are told once one has been served.
    assert names - measured == set()


def test_prometheus_reads_every_replica_and_the_proxy_and_its_rules_are_in_order(prometheus: Stack) -> None:
    wanted = [*[("replica", "up")] * len(prometheus.containers("bokeh")), ("traefik", "up")]
    written = re.findall(r"alert: (\w+)", (OBSERVABILITY / "alerts.yaml").read_text())

    def is_all_in_order() -> bool:
        targets, rules = ask(prometheus, "targets", "rules")
        found = sorted((one["labels"]["job"], one["health"]) for one in targets["activeTargets"])
        assert found == wanted
        health = {rule["name"]: rule["health"] for group in rules["groups"] for rule in group["rules"]}
        return health == dict.fromkeys(written, "ok")

    eventually(is_all_in_order, 90, "every target is read and every rule evaluated")


def test_every_panel_of_the_dashboard_has_something_to_show(prometheus: Stack) -> None:
    panels = [(title, text.replace("$__rate_interval", "1m")) for title, text in list_expressions()]
    with Session(visit(prometheus)) as session:
        session.change("unit", "NY")

        def is_nothing_empty() -> bool:
            answers = ask(prometheus, *(f"query?{urlencode({'query': text})}" for _, text in panels))
            empty = [title for (title, _), one in zip(panels, answers, strict=True) if not one["result"]]
            assert empty == []
            return True

        eventually(is_nothing_empty, 90, "every panel has figures")
