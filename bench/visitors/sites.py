"""The sites that are compared: a stack, its replicas without the proxy or behind nginx, and a naive app."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from string import Template

import docker
import requests
from docker.models.containers import Container
from visitors.sessions import Server

from probes import data_block, eventually, get
from stack import REPOSITORY, Stack, free_port

IMAGE = "longitude/bokeh:dev"
READ_DRAWS = (
    "import sys, numpy, xarray; "
    "draws = xarray.open_dataset(sys.argv[1], group='posterior', engine='h5netcdf')['beta'].to_numpy(); "
    "numpy.save(sys.stdout.buffer, draws.ravel())"
)


NGINX = Template("""
error_log stderr warn;
pid /tmp/nginx.pid;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    upstream replicas { least_conn; $servers }
    server {
        listen 8443 ssl;
        ssl_certificate /edge/certificates/tls.crt;
        ssl_certificate_key /edge/certificates/tls.key;
        location / {
            proxy_pass http://replicas;
            proxy_set_header Upgrade $$http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_http_version 1.1;
            proxy_set_header X-Forwarded-For $$proxy_add_x_forwarded_for;
            proxy_set_header Host $$host:$port;
            proxy_buffering off;
        }
    }
}
""")


def await_shown(stack: Stack, study: str) -> None:
    """Wait until a study is published and shown."""
    eventually(lambda: stack.published(study), 180, f"{study} published")
    shown = f"/?study={study}"
    eventually(
        lambda: data_block(get(stack, shown).text, "words")["view"] == "dashboard", 30, "the dashboard"
    )


@contextmanager
def stack_site(stack: Stack, study: str) -> Iterator[Server]:
    """Give the stack's only replica behind its proxy, once the study is published and shown."""
    await_shown(stack, study)
    [replica] = stack.containers("bokeh")
    yield Server(
        url=stack.url,
        query=f"?study={study}",
        container=replica,
        find_token=lambda html: str(data_block(html, "render-item")["token"]),
        ca=stack.ca,
    )


def address_of(replica: Container, stack: Stack) -> str:
    """Give the address of a replica on the engine's own network, which this machine can reach."""
    networks = replica.attrs["NetworkSettings"]["Networks"]
    return str(networks[f"{stack.project}_pages"]["IPAddress"])


def replica_site(stack: Stack, study: str, replica: Container) -> Server:
    """Give one replica of a stack as it is, without the proxy before it."""
    return Server(
        url=f"http://{address_of(replica, stack)}:5006",
        query=f"?study={study}",
        container=replica,
        find_token=lambda html: str(data_block(html, "render-item")["token"]),
        origin=f"http://localhost:{stack.https_port}",
    )


@contextmanager
def nginx_site(stack: Stack) -> Iterator[str]:
    """Put nginx before the replicas as Bokeh's documentation does, with TLS; give its URL.

    It is where Traefik is: in the replicas' network, with a port of this machine's.
    """
    port = free_port()
    servers = " ".join(f"server {address_of(replica, stack)}:5006;" for replica in stack.containers("bokeh"))
    file = stack.directory / "nginx.conf"
    file.write_text(NGINX.substitute(servers=servers, port=port))
    container = docker.from_env().containers.run(
        "longitude/static:dev",
        entrypoint=["nginx", "-c", "/own/nginx.conf", "-g", "daemon off;"],
        volumes={
            str(file): {"bind": "/own/nginx.conf", "mode": "ro"},
            f"{stack.project}_edge": {"bind": "/edge", "mode": "ro"},
        },
        network=f"{stack.project}_public",
        ports={"8443": ("127.0.0.1", port)},
        init=True,
        detach=True,
        auto_remove=True,
    )
    docker.from_env().networks.get(f"{stack.project}_pages").connect(container)
    url = f"https://localhost:{port}"
    try:
        eventually(lambda: requests.head(url, verify=str(stack.ca), timeout=20).ok, 30, "nginx")
        yield url
    finally:
        container.kill()


@contextmanager
def bokeh_site(stack: Stack, study: str, app: str = "naive_app") -> Iterator[Server]:
    """Run an app of bench/ on the loopback address, with the study's CSV and the draws of its version."""
    port = free_port()
    save_draws(stack, study)
    container = docker.from_env().containers.run(
        IMAGE,
        entrypoint=["bokeh", "serve", f"/{app}", "--address", "127.0.0.1", "--port", str(port)],
        command=["--allow-websocket-origin", f"localhost:{port}"],
        environment={"NAIVE_CSV": f"/study/{study}.csv", "NAIVE_DRAWS": "/own/draws.npy"},
        volumes={
            str(REPOSITORY / "bench" / app): {"bind": f"/{app}", "mode": "ro"},
            str(stack.studies / study): {"bind": "/study", "mode": "ro"},
            str(stack.directory): {"bind": "/own", "mode": "ro"},
        },
        network_mode="host",
        mem_limit="1g",
        nano_cpus=1_000_000_000,
        init=True,
        detach=True,
        auto_remove=True,
    )
    try:
        server = Server(url=f"http://localhost:{port}", query=app, container=container, find_token=read_token)
        eventually(lambda: requests.get(server.page, timeout=20).ok, 60, f"the app {app}")
        yield server
    finally:
        container.kill()


def save_draws(stack: Stack, study: str) -> None:
    """Write the draws of the slope where the naive app finds them."""
    published = stack.published(study)
    assert published is not None
    trace = f"/traces/{study}/{published['version']}/trace.nc"
    done = subprocess.run(
        ["docker", "compose", "exec", "-T", "bokeh", "python", "-c", READ_DRAWS, trace],
        cwd=REPOSITORY,
        env=stack.environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    (stack.directory / "draws.npy").write_bytes(done.stdout)


def read_token(html: str) -> str:
    """Find the session token in a page made by Bokeh's own template."""
    found = re.search(r'"token":("[^"]+")', html)
    assert found, html[:2000]
    return str(json.loads(found[1]))
