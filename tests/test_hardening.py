"""Permissions of each container of a running stack, as engine and kernel report them.

What is opt-in does not run here, and Grafana's image may not be there: of those it is what Compose was told,
and of all others as well.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound
from docker.models.containers import Container

from stack import REPOSITORY, Stack

SERVICES = ("model-worker", "bokeh", "static", "socket-proxy", "traefik")
ALL = ("setup", *SERVICES)
EVERY = (*ALL, "prometheus", "grafana")
ENDS = "setup"
"""The one service that does not stay."""

LOOPBACK = {"127.0.0.1", "::1"}
ROOT = {"", "0", "root"}
NO_CAPABILITY = 0
# Until it has taken the group of the engine's socket and left root, see traefik/socket-proxy/entrypoint.sh.
STARTS_AS_ROOT = {"socket-proxy": {"SETUID", "SETGID", "SETPCAP"}}


@dataclass(frozen=True)
class Process:
    """A process of a container, as /proc has it."""

    number: int
    parent: int
    name: str
    users: tuple[int, ...]
    effective: int
    no_new_privileges: bool

    @property
    def is_service(self) -> bool:
        """Return whether the process belongs to the service; one started from outside has no parent there."""
        return self.number == 1 or self.parent != 0


def containers_of(stack: Stack, service: str) -> list[Container]:
    labels = [f"com.docker.compose.project={stack.project}", f"com.docker.compose.service={service}"]
    filters = {"label": [*labels, "com.docker.compose.oneoff=False"]}
    found = docker.from_env().containers.list(all=True, filters=filters)
    assert found, f"no container of {service}"
    return list(found)


def processes_of(container: Container) -> Iterator[Process]:
    """Read the processes of a container from inside."""
    script = "for s in /proc/[0-9]*/status; do cat $s && echo; done 2>/dev/null; true"
    code, output = container.exec_run(["sh", "-c", script])
    assert code == 0, output
    for text in output.decode().split("\n\n"):
        fields = dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))
        if "Pid" in fields:
            yield Process(
                int(fields["Pid"]),
                int(fields["PPid"]),
                fields["Name"],
                tuple(int(user) for user in fields["Uid"].split()),
                int(fields["CapEff"], 16),
                fields["NoNewPrivs"] == "1",
            )


@pytest.fixture(scope="module")
def model() -> dict[str, dict[str, Any]]:
    """Every service of compose.yaml as Compose reads it, opt-in ones included and without overlays."""
    # Their ports are another thing in a stack of the tests.
    product = Stack("longitude-test-config", overlays=())
    told = product.compose("--profile", "*", "config", "--format", "json").stdout
    services: dict[str, dict[str, Any]] = json.loads(told)["services"]
    return services


def image_of(service: dict[str, Any]) -> dict[str, Any] | None:
    """Return the description of a service's image, if it is there."""
    try:
        config: dict[str, Any] = docker.from_env().images.get(service["image"]).attrs["Config"]
    except ImageNotFound:
        return None
    return config


def test_no_service_is_left_out(model: dict[str, dict[str, Any]]) -> None:
    assert set(model) == set(EVERY)


@pytest.mark.parametrize("name", EVERY)
def test_every_service_is_bounded_in_what_it_may_do(model: dict[str, dict[str, Any]], name: str) -> None:
    service = model[name]
    assert service["read_only"]
    assert not service.get("privileged")
    assert service["cap_drop"] == ["ALL"]
    assert set(service.get("cap_add") or []) == STARTS_AS_ROOT.get(name, set())
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["mem_limit"]) > 0
    assert float(service["cpus"]) > 0
    assert service["pids_limit"] > 0
    # The proxy before the engine has to be the first process itself, and starts no other.
    assert service["init"] is (name != "socket-proxy")
    assert service["logging"]["options"]["max-size"]
    assert not {"pid", "ipc", "devices"} & service.keys()
    assert service.get("network_mode", "none") == "none"


@pytest.mark.parametrize("name", EVERY)
def test_every_service_has_a_user_and_the_ones_that_stay_a_health_check(
    model: dict[str, dict[str, Any]], name: str
) -> None:
    service, image = model[name], image_of(model[name])
    # What an image that is not there says is not known; Compose has to say it.
    user = service.get("user") or (image or {}).get("User", "")
    assert (user.partition(":")[0] in ROOT) is (name in STARTS_AS_ROOT)
    checked = service.get("healthcheck") or (image or {}).get("Healthcheck")
    assert bool(checked) is (name != ENDS)
    assert service["restart"] == ("no" if name == ENDS else "unless-stopped")


def test_only_traefik_publishes_ports_beyond_this_machine(model: dict[str, dict[str, Any]]) -> None:
    published = {
        (name, port["target"]): port.get("host_ip", "")
        for name, service in model.items()
        for port in service.get("ports") or []
    }
    assert {name for (name, _), address in published.items() if address not in LOOPBACK} == {"traefik"}
    assert {port for port, address in published.items() if address in LOOPBACK} == {("grafana", 3000)}


@pytest.mark.parametrize("service", SERVICES)
def test_no_process_is_root_or_has_a_capability_or_can_get_one(stack: Stack, service: str) -> None:
    for container in containers_of(stack, service):
        found = [process for process in processes_of(container) if process.is_service]
        assert found, container.name
        for process in found:
            # The engine's own init is started as the container's user too.
            if service in STARTS_AS_ROOT and process.name in {"answers", "bash", "head", "grep"}:
                continue
            assert 0 not in process.users, process
            assert process.effective == NO_CAPABILITY, process
            assert process.no_new_privileges, process


@pytest.mark.parametrize("service", ALL)
def test_root_is_read_only_and_what_may_be_done_is_bounded(stack: Stack, service: str) -> None:
    for container in containers_of(stack, service):
        host = container.attrs["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert not host["Privileged"]
        assert host["CapDrop"] == ["ALL"]
        added = {name.removeprefix("CAP_") for name in host["CapAdd"] or []}
        assert added == STARTS_AS_ROOT.get(service, set())
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert not {"seccomp=unconfined", "apparmor=unconfined"} & set(host["SecurityOpt"])
        assert host["Memory"] > 0
        assert host["NanoCpus"] > 0
        assert (host["PidsLimit"] or 0) > 0
        assert host["PidMode"] == ""
        assert host["IpcMode"] in {"private", "shareable", ""}
        assert not host["Devices"]
        assert host["LogConfig"]["Config"]["max-size"]


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_reaps_its_children_and_is_watched(stack: Stack, service: str) -> None:
    for container in containers_of(stack, service):
        # The proxy before the engine has to be the first process itself, and starts no other.
        assert container.attrs["HostConfig"]["Init"] is (service != "socket-proxy")
        assert container.attrs["State"]["Health"]["Status"] == "healthy", container.name
        assert container.attrs["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"


@pytest.mark.parametrize("service", ["setup", "model-worker"])
def test_what_needs_no_network_has_none(stack: Stack, service: str) -> None:
    for container in containers_of(stack, service):
        assert container.attrs["HostConfig"]["NetworkMode"] == "none"
        assert set(container.attrs["NetworkSettings"]["Networks"]) == {"none"}


def test_only_traefik_is_in_a_network_that_leads_outside(stack: Stack) -> None:
    client = docker.from_env()
    for service in SERVICES:
        for container in containers_of(stack, service):
            networks = set(container.attrs["NetworkSettings"]["Networks"]) - {"none"}
            open_ones = [name for name in networks if not client.networks.get(name).attrs["Internal"]]
            assert bool(open_ones) is (service == "traefik"), (container.name, open_ones)
            published = [
                port for port in (container.attrs["NetworkSettings"]["Ports"] or {}).values() if port
            ]
            assert bool(published) is (service == "traefik"), container.name


@pytest.mark.parametrize("service", ALL)
def test_no_secret_is_in_the_environment_or_the_command(stack: Stack, service: str) -> None:
    secret = stack.compose("exec", "-T", "bokeh", "cat", "/run/longitude/session-secret").stdout.strip()
    assert len(secret) > 32
    for container in containers_of(stack, service):
        config = container.attrs["Config"]
        told = "\n".join([*config["Env"], *(config["Cmd"] or []), *(config["Entrypoint"] or [])])
        told += "\n".join(f"{name}={value}" for name, value in config["Labels"].items())
        assert secret not in told
        assert "PRIVATE KEY" not in told
        names = [line.partition("=")[0] for line in config["Env"]]
        assert [
            name
            for name in names
            if re.search(r"SECRET|PASSWORD|TOKEN|KEY|CREDENTIAL", name)
            and not name.endswith(("_FILE", "_SECONDS"))
        ] == []


@pytest.mark.parametrize("service", ALL)
def test_what_is_mounted_is_read_only_but_for_what_a_service_makes(stack: Stack, service: str) -> None:
    written = {"setup": {"/authority", "/edge", "/secret"}, "model-worker": {"/traces"}}
    for container in containers_of(stack, service):
        writable = {mount["Destination"] for mount in container.attrs["Mounts"] if mount["RW"]}
        assert writable - {"/tmp"} == written.get(service, set()), container.name
        sockets = {mount["Source"] for mount in container.attrs["Mounts"] if "docker.sock" in mount["Source"]}
        assert bool(sockets) is (service == "socket-proxy")


@pytest.mark.parametrize("service", ALL)
def test_images_are_named_with_a_version_and_built_from_ones_that_are(stack: Stack, service: str) -> None:
    bases = re.findall(r"^[A-Z]+_IMAGE=(\S+)$", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)
    assert len(bases) == 4
    for image in [
        *bases,
        *(container.attrs["Config"]["Image"] for container in containers_of(stack, service)),
    ]:
        tag = image.rpartition("/")[2].partition(":")[2]
        assert tag, image
        assert tag != "latest", image
