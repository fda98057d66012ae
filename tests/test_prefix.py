"""Behind a proxy that strips a prefix the page works, and nothing had to be told of the prefix."""

from collections.abc import Iterator
from contextlib import contextmanager
from string import Template
from typing import Any

import docker
import pytest
import requests
from playwright.sync_api import Browser, expect

from browser import Complaints
from probes import eventually, get
from stack import Stack, free_port

NGINX = Template("""
error_log stderr warn;
pid /tmp/nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    server {
        listen 8443 ssl;
        ssl_certificate /edge/certificates/tls.crt;
        ssl_certificate_key /edge/certificates/tls.key;
        location /longitude/ {
            proxy_pass http://$replica:5006/;
            proxy_http_version 1.1;
            proxy_set_header Upgrade $$http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_set_header X-Forwarded-Proto https;
        }
    }
}
""")


START = "until getent hosts $0; do sleep 0.2; done; exec nginx -c /own/nginx.conf -g 'daemon off;'"
"""Waits for the network in which the replica's name can be resolved."""


@contextmanager
def container(image: str, network: str, **options: Any) -> Iterator[str]:
    """Run a container in a network of the stack for as long as the context lasts; give its name."""
    made = docker.from_env().containers.run(image, network=network, init=True, detach=True, **options)
    try:
        yield str(made.name)
    finally:
        made.remove(force=True)


@pytest.fixture(scope="module")
def prefixed(stack: Stack) -> Iterator[str]:
    """The address of a replica of the stack's store, below a prefix that nginx strips."""
    port = free_port()
    settings = {"HTTPS_PORT": str(port), "SECRET_FILE": "/run/longitude/session-secret"}
    volumes = {
        f"{stack.project}_traces": {"bind": "/traces", "mode": "ro"},
        f"{stack.project}_secret": {"bind": "/run/longitude", "mode": "ro"},
    }
    pages, public = f"{stack.project}_pages", f"{stack.project}_public"
    with container("longitude/bokeh:dev", pages, environment=settings, volumes=volumes) as replica:
        file = stack.directory / "prefix.conf"
        file.write_text(NGINX.substitute(replica=replica))
        mounts = {
            str(file): {"bind": "/own/nginx.conf", "mode": "ro"},
            f"{stack.project}_edge": {"bind": "/edge", "mode": "ro"},
        }
        # Ports are published in one network, and the replica's name is resolved in the other.
        with container(
            "longitude/static:dev",
            public,
            entrypoint=["sh", "-c", START],
            command=[replica],
            volumes=mounts,
            ports={"8443": ("127.0.0.1", port)},
        ) as proxy:
            docker.from_env().networks.get(pages).connect(proxy)
            address = f"https://localhost:{port}/longitude/"
            eventually(lambda: requests.get(address, verify=str(stack.ca), timeout=20).ok, 60, "the prefix")
            yield address


def test_page_below_a_prefix_answers_its_reader_and_links_stay_below_it(
    stack: Stack, browser: Browser, prefixed: str
) -> None:
    context, complaints = browser.new_context(), Complaints()
    page = context.new_page()
    complaints.watch(page)
    page.goto(f"{prefixed}?study=cigarette-sales&unit=NY&change=10")
    expect(page.locator("#slot-outcome canvas").first).to_be_attached(timeout=30_000)
    expect(page.locator("#study option")).to_have_count(2)
    page.locator("#unit").select_option("TX")
    expect(page.locator("#headline")).to_contain_text("Texas")
    assert page.url.startswith(f"{prefixed}?study=cigarette-sales&version=")
    table = page.evaluate("async () => (await fetch('data/effect-unit.csv' + location.search)).text()")
    assert table == get(stack, f"/data/effect-unit.csv?{page.url.partition('?')[2]}").text
    page.locator(".site a").click()
    expect(page).to_have_url(f"{prefixed}studies")
    page.get_by_role("link", name="Cigarette taxes and cigarette sales").click()
    expect(page.locator("#slot-outcome canvas").first).to_be_attached(timeout=30_000)
    assert page.url.startswith(f"{prefixed}?study=cigarette-sales")
    context.close()
    assert complaints.lines == []
