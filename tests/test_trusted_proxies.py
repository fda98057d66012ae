"""Behind a proxy that is trusted every client has limits of its own, and none can choose its address."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from string import Template

import docker
import pytest
import websocket
from docker.models.containers import Container
from docker.models.networks import Network

from guarded import echo
from probes import Session, eventually, get, visit
from stack import ARTIFACTS, REPOSITORY, Stack, free_port, running

PROJECT = "longitude-test-proxied"
LIMITS = {"RATE_AVERAGE": "5", "RATE_BURST": "5", "OPEN_MAX": "2"}

NGINX = Template("""
error_log stderr warn;
pid /tmp/nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    map $$http_upgrade $$connection_upgrade { default upgrade; "" close; }
    server {
        listen 8443 ssl;
        ssl_certificate /edge/certificates/tls.crt;
        ssl_certificate_key /edge/certificates/tls.key;
        location / {
            proxy_pass https://$upstream:8443;
            proxy_ssl_name localhost;
            proxy_ssl_server_name on;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate /edge/certificates/ca.crt;
            proxy_http_version 1.1;
            proxy_set_header Host $$http_host;
            proxy_set_header Upgrade $$http_upgrade;
            proxy_set_header Connection $$connection_upgrade;
            proxy_set_header X-Forwarded-For $$proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $$scheme;
        }
    }
}
""")

ASK = """
import json, sys, time, requests
ca, times, pause, forwarded = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
session = requests.Session()
session.verify, session.trust_env = ca, False
told = []
for number in range(times):
    headers = {"X-Forwarded-For": forwarded.format(number=number)} if forwarded else {}
    told.append(session.get("https://localhost:8443/studies", headers=headers, timeout=20).status_code)
    time.sleep(pause)
print(json.dumps(told))
"""

HOLD = """
import json, signal, sys, websocket
from probes import Session, visit
from stack import Stack
project, origin, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
page = visit(Stack(project, https_port=8443))
held, told = [], []
for _ in range(wanted):
    try:
        held.append(Session(page, origin=origin))
        told.append(101)
    except websocket.WebSocketBadStatusException as refused:
        told.append(refused.status_code)
print(json.dumps(told), flush=True)
signal.pause()
"""


def address_in(container: Container, network: Network) -> str:
    """Return the address of a container in a network."""
    container.reload()
    [address] = [
        one["IPAddress"]
        for one in container.attrs["NetworkSettings"]["Networks"].values()
        if one["NetworkID"] == network.id
    ]
    return str(address)


@contextmanager
def network(name: str, **options: bool) -> Iterator[Network]:
    """Make a network for as long as the context lasts."""
    made = docker.from_env().networks.create(name, **options)
    try:
        yield made
    finally:
        made.remove()


@contextmanager
def nginx(stack: Stack, name: str, upstream: str, networks: tuple[Network, Network]) -> Iterator[Container]:
    """Run nginx with TLS before `upstream`, between clients in one network and the site in another."""
    file = stack.directory / f"{name}.conf"
    file.write_text(NGINX.substitute(upstream=upstream))
    front, back = networks
    client = docker.from_env()
    # It looks for its upstream when it starts.
    container = client.containers.create(
        "longitude/static:dev",
        entrypoint=["nginx", "-c", "/own/nginx.conf", "-g", "daemon off;"],
        volumes={
            str(file): {"bind": "/own/nginx.conf", "mode": "ro"},
            f"{stack.project}_edge": {"bind": "/edge", "mode": "ro"},
        },
        network=front.name,
        ports={"8443": ("127.0.0.1", free_port())},
        init=True,
    )
    try:
        back.connect(container, aliases=[name])
        container.start()
        container.reload()
        yield container
    finally:
        container.remove(force=True)


@contextmanager
def client_of(server: Container, place: Network, program: list[str]) -> Iterator[Container]:
    """Run a program in a container with an address of its own, to which `localhost` is the server."""
    container: Container = docker.from_env().containers.run(
        "longitude/tests:dev",
        program,
        detach=True,
        init=True,
        network=place.name,
        # Its own loopback address refuses, and the next one that the name has is the server's.
        extra_hosts={"localhost": address_in(server, place)},
        environment={"PYTHONPATH": str(REPOSITORY / "tests"), "ARTIFACTS": str(ARTIFACTS)},
        volumes={str(path): {"bind": str(path), "mode": "ro"} for path in {REPOSITORY, ARTIFACTS}},
    )
    try:
        yield container
    finally:
        container.remove(force=True)


@dataclass(frozen=True)
class Site:
    """A stack behind nginx, and the same one behind one nginx more, with the networks between them."""

    stack: Stack
    traefik: Container
    near: Container
    far: Container
    clients: Network
    proxies: Network
    public: Network

    def entrance(self, way: str) -> tuple[Container, Network]:
        """Return what a client comes to on that way, and in which network it is."""
        return {
            "one proxy": (self.near, self.clients),
            "two proxies": (self.far, self.clients),
            "direct": (self.traefik, self.public),
        }[way]

    @property
    def behind(self) -> Stack:
        """The stack as it is seen through the nearer nginx, on a port of this machine."""
        [published] = self.near.ports["8443/tcp"]
        return replace(self.stack, https_port=int(published["HostPort"]))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Two replicas behind proxies that are trusted by their network."""
    with ExitStack() as around:
        clients = around.enter_context(network(f"{PROJECT}-clients"))
        # Otherwise the engine could forward the stack's ports through it, from an address that is trusted.
        proxies = around.enter_context(network(f"{PROJECT}-proxies", internal=True))
        proxies.reload()
        trusted = proxies.attrs["IPAM"]["Config"][0]["Subnet"]
        stack = around.enter_context(running(Stack(PROJECT, variables=LIMITS | {"TRUSTED_PROXIES": trusted})))
        [traefik] = stack.containers("traefik")
        proxies.connect(traefik, aliases=["site"])
        near = around.enter_context(nginx(stack, "near", "site", (clients, proxies)))
        far = around.enter_context(nginx(stack, "far", "near", (clients, proxies)))
        public = docker.from_env().networks.get(f"{PROJECT}_public")
        traefik.reload()
        made = Site(stack, traefik, near, far, clients, proxies, public)
        eventually(lambda: get(made.behind, "/studies").status_code == 200, 30, "nginx")
        yield made


@pytest.fixture
def others(site: Site) -> Iterator[Container]:
    """A client behind the nearer proxy that does nothing until it is told to."""
    with client_of(site.near, site.clients, ["sleep", "infinity"]) as started:
        yield started


def ask(site: Site, client: Container, times: int, pause: float, forwarded: str = "") -> list[int]:
    """Ask for the list of studies from a client's address; return the statuses."""
    program = ["python", "-c", ASK, str(site.stack.ca), str(times), str(pause), forwarded]
    done = client.exec_run(program)
    assert done.exit_code == 0, done.output.decode()
    told: list[int] = json.loads(done.output)
    return told


@pytest.mark.parametrize("invented", ["", "192.0.2.{number}", "of the others"])
@pytest.mark.parametrize("way", ["one proxy", "two proxies", "direct"])
def test_each_client_has_its_own_limit_whatever_address_another_one_invents(
    site: Site, others: Container, way: str, invented: str
) -> None:
    entrance, place = site.entrance(way)
    forwarded = address_in(others, site.clients) if invented == "of the others" else invented
    with client_of(entrance, place, ["sleep", "infinity"]) as greedy, ThreadPoolExecutor() as both:
        asked = both.submit(ask, site, greedy, 150, 0.01, forwarded)
        # At less than what one address may, while the other asks for far more.
        told_others = both.submit(ask, site, others, 6, 0.4).result()
        told = asked.result()
    assert told_others == [200] * len(told_others)
    assert set(told) == {200, 429}
    assert told.count(429) > len(told) / 2


def test_websockets_of_each_client_are_counted_by_themselves(site: Site) -> None:
    program = ["python", "-c", HOLD, PROJECT, site.stack.url, "3"]

    def opened(client: Container) -> list[int]:
        told: list[int] = eventually(
            lambda: json.loads(client.logs(stderr=False) or b"null"), 30, "all websockets were tried"
        )
        return told

    with (
        client_of(site.near, site.clients, program) as first,
        client_of(site.near, site.clients, program) as second,
    ):
        assert opened(first) == [101, 101, 429]
        assert opened(second) == [101, 101, 429]


def test_websocket_through_the_proxy_needs_the_origin_of_the_site(site: Site) -> None:
    page = visit(site.behind)
    with Session(page, origin=site.stack.url) as session:
        assert session.words["view"]
        assert session.replica == page.replica
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Session(page, origin="https://elsewhere.example.org")
    assert refused.value.status_code == 403


def test_only_the_proxy_is_believed_what_it_says_of_a_request(site: Site) -> None:
    lies = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "http", "X-Real-Ip": "192.0.2.1"}

    def headers_at_a_replica(stack: Stack, path: str) -> dict[str, str]:
        answer = get(stack, path, headers=lies)
        assert answer.status_code == 200
        return {name.lower(): value for name, value in answer.json()}

    with echo(site.stack) as path:
        direct = eventually(lambda: headers_at_a_replica(site.stack, path), 10, "the echo")
        behind = eventually(lambda: headers_at_a_replica(site.behind, path), 10, "the echo behind nginx")
    assert "192.0.2.1" not in direct.values()
    assert direct["x-forwarded-proto"] == "https"
    assert behind["x-forwarded-for"].startswith("192.0.2.1, "), "nginx passes on what it was told"
    assert behind["x-forwarded-for"].endswith(f", {address_in(site.near, site.proxies)}")
    assert behind["x-forwarded-proto"] == "https", "nginx says it anew"
