"""The commands of the Makefile, as an operator uses them on a stack that runs."""

import socket
import threading

import pytest

from probes import Session, eventually, get, script_of, visit
from stack import Stack


def test_make_alone_lists_every_target(stack: Stack) -> None:
    listed = stack.run("make").stdout
    targets = "up down clean test lint unit stack test-faults soak roll ca check study reshape import fit"
    for target in [*targets.split(), "logs", "bench", "screenshots"]:
        assert f"\n{target} " in f"\n{listed}"


@pytest.mark.parametrize("variable", ["HTTPS_PORT", "HTTP_PORT"])
def test_taken_port_is_named_with_the_variable_that_moves_it(variable: str) -> None:
    stack = Stack("longitude-test-port")
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        stack.variables[variable] = str(port)
        try:
            done = stack.run("bootstrap/up.sh", check=False)
        finally:
            stack.down()
    assert done.returncode != 0
    assert f"port {port} is taken by another program" in done.stdout
    assert f"set {variable} to a free port" in done.stdout


def test_bad_variable_stops_up_before_anything_starts() -> None:
    stack = Stack("longitude-test-variable", variables={"BOKEH_REPLICAS": "two"})
    done = stack.run("bootstrap/up.sh", check=False)
    assert done.returncode != 0
    assert "BOKEH_REPLICAS is 'two'" in done.stdout
    assert "a whole number from 1 to 64" in done.stdout
    assert stack.compose("ps", "--all", "--quiet", check=False).stdout.strip() == ""


def test_ca_is_printed_as_a_certificate(stack: Stack) -> None:
    printed = stack.run("make", "ca").stdout
    assert printed == stack.ca.read_text()
    assert printed.startswith("-----BEGIN CERTIFICATE-----")


def test_check_passes_on_the_shipped_studies(stack: Stack) -> None:
    assert stack.in_worker("check").returncode == 0


def test_second_fit_repeats_nothing(stack: Stack) -> None:
    before = stack.published("smoking-spending")
    stack.in_worker("fit", "smoking-spending")
    assert stack.published("smoking-spending") == before


def containers_of(stack: Stack) -> set[str]:
    """Return the containers that a roll replaces."""
    return {str(container.id) for service in ("static", "bokeh") for container in stack.containers(service)}


def test_roll_replaces_every_replica_and_what_serves_files_and_no_load_fails(stack: Stack) -> None:
    before = containers_of(stack)
    script = script_of(visit(stack).html)
    over = threading.Event()
    statuses: list[int] = []

    def load_pages() -> None:
        # Each leaves a session behind for a minute, of which the replicas are not to be full.
        while not over.wait(0.1):
            statuses.extend(get(stack, path).status_code for path in ("/", script))

    visitor = threading.Thread(target=load_pages)
    visitor.start()
    try:
        stack.run("bootstrap/roll.sh")
    finally:
        over.set()
        visitor.join()
    after = containers_of(stack)
    assert len(after) == len(before)
    assert not after & before
    assert len(statuses) > 40
    assert set(statuses) == {200}
    with Session(visit(stack)) as session:
        assert session.words["view"] == "dashboard"


def test_roll_does_not_take_a_replica_that_was_stopped_for_a_new_one(stack: Stack) -> None:
    before = stack.containers("bokeh")
    try:
        before[0].stop(timeout=30)
        stack.run("bootstrap/roll.sh")
        after = {container.id for container in stack.containers("bokeh")}
        assert len(after) == len(before) - 1
        assert not after & {container.id for container in before}
    finally:
        stack.compose("up", "--detach", "--wait", "--no-build")


def test_visitor_is_asked_to_come_back_while_no_replica_is_ready(stack: Stack) -> None:
    stack.compose("stop", "bokeh")
    try:
        eventually(lambda: get(stack).status_code == 503, 10, "503")
        answer = get(stack)
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"
        assert "tries again" in answer.text
    finally:
        stack.compose("start", "bokeh")
    eventually(lambda: visit(stack).html, 30, "pages again")


def test_scaling_is_one_command_and_leaves_the_others_alone(stack: Stack) -> None:
    def started() -> dict[str, str]:
        return {
            container.id: container.attrs["State"]["StartedAt"]
            for service in ("traefik", "model-worker", "static", "bokeh")
            for container in stack.containers(service)
        }

    # Builds of other tests label the images with their own project, which Compose takes for a change.
    stack.compose("up", "--detach", "--wait", "--no-build")
    before = started()
    stack.compose("up", "--detach", "--wait", "--no-build", "--scale", "bokeh=5")
    after = started()
    assert len(stack.containers("bokeh")) == 5
    assert before.items() <= after.items()
    stack.compose("up", "--detach", "--wait", "--no-build", "--scale", "bokeh=4")
    assert len(stack.containers("bokeh")) == 4
