"""The sites that are compared: a stack, its replicas alone or behind nginx, and plain applications."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from string import Template

import docker
import requests
from docker.models.containers import Container
from visitors.sessions import Server

from probes import data_block, eventually, get
from stack import REPOSITORY, Stack, free_port

IMAGE = "longitude/bokeh-bench:dev"
UNUSED_MS = "2000"
"""Lifetime of a session that was left, and the interval of the check; shorter than by default."""

SERVICE = "/src/services/bokeh"
"""Where the image has the dashboard's own files, the figures' theme among them."""


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
    """Return the stack's only replica behind its proxy, once the study is published and shown."""
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
    """Return the address of a replica on the engine's own network, which this machine can reach."""
    networks = replica.attrs["NetworkSettings"]["Networks"]
    return str(networks[f"{stack.project}_pages"]["IPAddress"])


def replica_site(stack: Stack, study: str, replica: Container) -> Server:
    """Return one replica of a stack as it is, without the proxy before it."""
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
def plain_site(stack: Stack, study: str, app: str, server: str = "bokeh") -> Iterator[Server]:
    """Run an app of bench/ under `bokeh serve` or `panel serve`, on the loopback address.

    It has the code, the store and the limits of a replica.
    """
    port = free_port()
    container = docker.from_env().containers.run(
        IMAGE,
        [
            *(server, "serve", f"/{app}", "--address", "127.0.0.1", "--port", str(port)),
            *("--allow-websocket-origin", f"localhost:{port}"),
            *("--unused-session-lifetime", UNUSED_MS, "--check-unused-sessions", UNUSED_MS),
        ],
        environment={"STUDY": study, "PYTHONPATH": f"/{app}"},
        working_dir=SERVICE,
        volumes={
            str(REPOSITORY / "bench" / app): {"bind": f"/{app}", "mode": "ro"},
            f"{stack.project}_traces": {"bind": "/traces", "mode": "ro"},
        },
        network_mode="host",
        mem_limit="1g",
        nano_cpus=1_000_000_000,
        init=True,
        detach=True,
        auto_remove=True,
    )
    try:
        site = Server(
            url=f"http://localhost:{port}",
            query=f"{app}?study={study}",
            container=container,
            find_token=read_token,
        )
        eventually(lambda: requests.get(site.page, timeout=20).ok, 60, f"the app {app} under {server}")
        yield site
    finally:
        container.kill()


def read_token(html: str) -> str:
    """Find the session token in a page made by Bokeh's own template."""
    found = re.search(r'"token":("[^"]+")', html)
    assert found, html[:2000]
    return str(json.loads(found[1]))
