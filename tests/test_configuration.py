"""The variables are one list: .env.example, Compose and the services' settings agree, and say so."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import dashboard.settings
import edge_setup.settings
import model_worker.settings
from dashboard.operations.container_health import AGAIN_SECONDS, DRAIN_TIMES, HOLD_SECONDS
from dashboard.operations.drain import IN_FLIGHT_SECONDS, SPREAD_SECONDS
from stack import REPOSITORY, Stack

EXAMPLE = (REPOSITORY / ".env.example").read_text()
DEFAULTS = dict(re.findall(r"^([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE, re.MULTILINE))
COMPOSE = (REPOSITORY / "compose.yaml").read_text()
OVERLAYS = sorted(path.name for path in REPOSITORY.glob("compose.*.yaml"))
SETTINGS = {
    "setup": edge_setup.settings.Settings,
    "model-worker": model_worker.settings.Settings,
    "bokeh": dashboard.settings.Settings,
}
# Given to a service by Compose itself rather than by a user.
OF_COMPOSE = {"STACK", "SECRET_FILE"}
SPARE_SECONDS = 5
"""For a process that has nothing left to wait for to end, on a machine with much to do."""


def entries() -> list[tuple[str, str, str]]:
    """Return (name, who reads it, form) of every variable in .env.example."""
    found = []
    readers = form = ""
    for line in EXAMPLE.splitlines():
        if "read by: " in line:
            readers = line.partition("read by: ")[2]
        elif line.startswith("#   form: "):
            form = line.partition("form: ")[2]
        elif name := re.match(r"[A-Z][A-Z0-9_]*(?==)", line):
            found.append((name[0], readers, form))
    return found


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_is_valid(overlay: str) -> None:
    stack = Stack("longitude-test-config", overlays=(overlay,))
    assert "services:" in stack.compose("config").stdout


def test_every_variable_of_compose_is_in_the_example_with_the_same_default() -> None:
    texts = (
        COMPOSE
        + (REPOSITORY / "compose.test.yaml").read_text()
        + (REPOSITORY / "tests/compose.yaml").read_text()
    )
    used = set(re.findall(r"\$\{([A-Z0-9_]+)-([^}]*)\}", texts))
    assert used <= set(DEFAULTS.items())
    named = set(re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE))
    assert named - {"COMPOSE_PROJECT_NAME"} == set(DEFAULTS), "each variable does something"


@pytest.mark.parametrize(("name", "readers", "form"), entries())
def test_every_variable_says_unit_reader_and_form_and_its_default_fits(
    name: str, readers: str, form: str
) -> None:
    assert readers, name
    words, separator, expression = form.partition(" = ")
    assert separator, name
    assert words, name
    assert re.fullmatch(expression.removeprefix("^").removesuffix("$"), DEFAULTS[name]), name


@pytest.mark.parametrize("service", SETTINGS)
def test_settings_and_compose_name_the_same_variables_with_the_same_defaults(service: str) -> None:
    given = yaml.safe_load(COMPOSE)["services"][service]["environment"]
    fields = {name.upper(): field for name, field in SETTINGS[service].model_fields.items()}
    assert set(given) <= set(fields)
    for name in set(given) - OF_COMPOSE:
        parsed = SETTINGS[service].model_validate({name.lower(): DEFAULTS[name]})
        assert getattr(parsed, name.lower()) == fields[name].default, name
    readers = {name for name, who, _ in entries() if service in re.split(r"[,; ]+", who)}
    mounted = {"TLS_CERTIFICATE", "TLS_KEY", "SIGN_IN_USERS"}
    assert readers - mounted == set(given) - OF_COMPOSE


def test_a_replica_is_given_the_time_that_it_may_take_to_leave() -> None:
    [longest] = [
        bound.le
        for bound in dashboard.settings.Settings.model_fields["drain_seconds"].metadata
        if hasattr(bound, "le")
    ]
    takes = longest + SPREAD_SECONDS + IN_FLIGHT_SECONDS + SPARE_SECONDS
    grace = yaml.safe_load(COMPOSE)["services"]["bokeh"]["stop_grace_period"]
    assert float(grace.removesuffix("s")) >= takes
    # Where the engine is told no time, it takes that one.
    rolled = re.findall(r"docker stop .*?(\d+)", (REPOSITORY / "bootstrap/roll.sh").read_text())
    assert [seconds for seconds in rolled if float(seconds) < takes] == []


def test_engine_looks_at_a_replica_as_the_replica_takes_it() -> None:
    image = (REPOSITORY / "services/bokeh/Dockerfile").read_text()
    [look] = [line for line in image.splitlines() if line.startswith("HEALTHCHECK") and "retries" in line]
    given = dict(re.findall(r"--([a-z-]+)=([0-9.]+)", look))
    assert int(given["retries"]) == DRAIN_TIMES
    assert float(given["timeout"]) > HOLD_SECONDS + 2
    assert float(given["interval"]) < AGAIN_SECONDS / 2


def check_variables(folder: Path, dotenv: str | None, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(REPOSITORY / ".env.example", folder)
    if dotenv is not None:
        (folder / ".env").write_text(dotenv)
    return subprocess.run(
        ["sh", str(REPOSITORY / "bootstrap/environment.sh"), "check"],
        env={"PROJECT": str(folder), "PATH": "/usr/bin:/bin"} | environment,
        text=True,
        capture_output=True,
        check=False,
    )


def test_defaults_pass_the_check(tmp_path: Path) -> None:
    done = check_variables(tmp_path, None)
    assert (done.returncode, done.stderr) == (0, "")


def test_good_values_pass_the_check_however_they_are_written(tmp_path: Path) -> None:
    lines = ["# a comment", "", "export HTTPS_PORT=443", 'DOMAIN="panel.example.org"  # ours', "DRAWS='2000'"]
    lines.append('TRUSTED_PROXIES="192.0.2.7 10.0.0.0/8 2001:db8::/32 ::1"')
    done = check_variables(tmp_path, "\n".join([*lines, "TUNE=500 # fewer"]))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("HTTPS_PORT=70000", "HTTPS_PORT is '70000', which is not allowed: it takes a port from 1 to 65535"),
        ("HTTP_PORT=", "HTTP_PORT is '', which is not allowed: it takes a port from 1 to 65535"),
        (
            "BOKEH_REPLICAS=two",
            "BOKEH_REPLICAS is 'two', which is not allowed: it takes a whole number from 1",
        ),
        ("DOMAIN=Exa mple", "DOMAIN is 'Exa mple', which is not allowed: it takes a host name"),
        ("HTTPSPORT=8443", "HTTPSPORT in .env is not a variable of Longitude (did you mean HTTPS_PORT?)"),
        ("COLOUR=red", "COLOUR in .env is not a variable of Longitude; .env.example lists them all"),
        (
            "TRUSTED_PROXIES=10.0.0.0/99",
            "TRUSTED_PROXIES is '10.0.0.0/99', which is not allowed: it takes nothing",
        ),
        (
            "TRUSTED_PROXIES=0.0.0.0/0",
            "TRUSTED_PROXIES is '0.0.0.0/0', which is not allowed: it takes nothing",
        ),
        ("LOG_LEVEL=verbose", "LOG_LEVEL is 'verbose', which is not allowed: it takes debug, info"),
    ],
)
def test_bad_variable_is_named_with_its_value_and_the_allowed_form(
    tmp_path: Path, line: str, sentence: str
) -> None:
    done = check_variables(tmp_path, line + "\n")
    assert done.returncode == 1
    assert sentence in done.stderr


def test_all_bad_variables_are_named_at_once_and_the_callers_environment_counts(tmp_path: Path) -> None:
    done = check_variables(tmp_path, "DRAWS=few\nSEED=-1\n", HTTPS_PORT="https")
    assert done.returncode == 1
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["HTTPS_PORT", "DRAWS", "SEED"]


@pytest.mark.parametrize(
    ("service", "name", "value"),
    [
        ("model-worker", "DRAWS", "few"),
        ("model-worker", "CHAINS", ""),
        ("bokeh", "DRAIN_SECONDS", "soon"),
        ("bokeh", "DRAIN_SECONDS", "60"),
        ("setup", "DOMAIN", "Not A Host"),
        ("setup", "BOKEH_REPLICAS", "0"),
        ("setup", "HTTP_PORT", "0"),
        ("setup", "HTTPS_PORT", ""),
        ("setup", "PAGES_AVERAGE", "0"),
        ("setup", "TRUSTED_PROXIES", "10.0.0.1/8"),
    ],
)
def test_service_refuses_a_bad_variable_with_the_same_facts(service: str, name: str, value: str) -> None:
    stack = Stack("longitude-test-config", variables={name: value})
    done = stack.compose("run", "--rm", "--no-deps", "--quiet-pull", service, check=False)
    assert done.returncode != 0
    told = done.stdout.splitlines()[-1]
    assert name in told
    assert value in told
    assert SETTINGS[service].model_fields[name.lower()].description in told
    assert "Traceback" not in done.stdout
