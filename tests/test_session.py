"""A session opened through the proxy, over TLS verified against the stack's CA, is live."""

import json
import os
import subprocess
import sys
from pathlib import Path

from probes import Session, visit
from stack import Stack


def test_websocket_session_receives_the_document_and_a_patch_after_a_change(stack: Stack) -> None:
    page = visit(stack, "study=smoking-spending&unit=CA")
    with Session(page) as session:
        before = session.words
        assert before["view"] == "dashboard"
        assert "California" in before["effect-unit-heading"]
        after = session.change("unit", "NY")
        assert "New York" in after["effect-unit-heading"]
        assert after["effect-unit-mean-value"] != before["effect-unit-mean-value"]
        assert after["effect-all-mean-value"] == before["effect-all-mean-value"]


def test_change_of_the_treatment_moves_both_effects_exactly_as_the_model_says(stack: Stack) -> None:
    with Session(visit(stack, "study=cigarette-sales&unit=CA&change=10")) as session:
        ten = float(session.words["effect-all-mean-value"])
        twenty = float(session.change("change", 20)["effect-all-mean-value"])
    # Sums over states of y ((1 + c)**beta - 1); the states' slopes are some 0.1 around -0.12.
    assert abs(twenty / ten - (1.2**-0.12 - 1) / (1.1**-0.12 - 1)) < 0.02


def test_bokeh_client_pulls_the_same_session_kind_and_sees_a_change(stack: Stack, tmp_path: Path) -> None:
    secret = stack.compose("exec", "-T", "bokeh", "cat", "/run/longitude/session-secret").stdout
    environment = os.environ | {
        "SSL_CERT_FILE": str(stack.ca),
        "BOKEH_SIGN_SESSIONS": "yes",
        "BOKEH_SECRET_KEY": secret,
    }
    script = Path(__file__).with_name("pull_with_bokeh_client.py")
    done = subprocess.run(
        [sys.executable, script, f"{stack.url}/", "NY"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout)
    assert before["view"] == after["view"] == "dashboard"
    assert "New York" in after["effect-unit-heading"]
    assert before["effect-unit-heading"] != after["effect-unit-heading"]
