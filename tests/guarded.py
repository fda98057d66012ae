"""A stack whose edge tests change: limits and sign-in are laid out anew while it runs."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, override

import docker
import requests
from docker.models.containers import Container

from edge_setup.settings import Settings
from probes import eventually, get
from stack import REPOSITORY, UNLIMITED, Stack

DEFAULT_LIMITS = {name: str(Settings.model_fields[name.lower()].default) for name in UNLIMITED}
"""The limits of an address that the product has, where the tests' stacks lift them."""

PLACES = 4
"""Sessions a replica of that stack may have."""

ECHO = """
import http.server, json
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(list(self.headers.items())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("", 8000), Echo).serve_forever()
"""


@contextmanager
def laid_out(stack: Stack, **variables: str) -> Iterator[None]:
    """Lay out the edge with other variables for as long as the context lasts."""
    before = dict(stack.variables)
    stack.variables.update(variables)
    try:
        lay_out(stack)
        yield
    finally:
        stack.variables.clear()
        stack.variables.update(before)
        lay_out(stack)
        eventually(lambda: get(stack, "/studies").status_code == 200, 10, "the edge as it was")


def lay_out(stack: Stack) -> None:
    """Run the setup step beside the running stack; Traefik notices what changed."""
    stack.compose("run", "--rm", "--no-deps", "--quiet-pull", "setup")


@contextmanager
def echo(stack: Stack) -> Iterator[str]:
    """Run a stand-in for a replica that answers what headers reached it; give the path it is routed by."""
    client = docker.from_env()
    rule = "Host(`localhost`) && Path(`/echo`)"
    container: Container = client.containers.run(
        os.environ.get("PYTHON_IMAGE", "python:3.13-slim-trixie"),
        ["python3", "-c", ECHO],
        detach=True,
        init=True,
        network=f"{stack.project}_pages",
        labels={
            "com.docker.compose.project": stack.project,
            "traefik.enable": "true",
            "traefik.http.routers.echo.entrypoints": "https",
            "traefik.http.routers.echo.rule": rule,
            "traefik.http.routers.echo.priority": "1000",
            "traefik.http.routers.echo.tls": "true",
            "traefik.http.routers.echo.middlewares": "page@file",
            "traefik.http.services.echo.loadbalancer.server.port": "8000",
        },
    )
    try:
        yield "/echo"
    finally:
        container.remove(force=True)


@contextmanager
def elsewhere(stack: Stack, module: str, *arguments: str, **options: Any) -> Iterator[Container]:
    """Run a program of the tests, which has another address than they have, while the context lasts."""
    [proxy] = stack.containers("traefik")
    network = f"{stack.project}_public"
    # Its own loopback address refuses, and the next one that the name has is the proxy's.
    address = proxy.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
    program: Container = docker.from_env().containers.run(
        "longitude/tests:dev",
        ["python", "-m", module, "--url=https://localhost:8443", f"--ca={stack.ca}", *arguments],
        detach=True,
        init=True,
        network=network,
        extra_hosts={"localhost": address},
        environment={"PYTHONPATH": str(REPOSITORY / "tests")},
        volumes={str(REPOSITORY): {"bind": str(REPOSITORY), "mode": "ro"}},
        **options,
    )
    try:
        yield program
    finally:
        program.remove(force=True)


class Provider:
    """A small provider of sign-in: who has the cookie `pass=yes` is let in, others are sent to it."""

    login = "https://auth.example.org/login"

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(dict(self.headers.items()))
                known = "pass=yes" in self.headers.get("Cookie", "")
                self.send_response(200 if known else 302)
                self.send_header("X-Provider-Secret", "for nobody")
                if not known:
                    self.send_header("Location", provider.login)
                self.send_header("Content-Length", "0")
                self.end_headers()

            @override
            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def address_for(self, stack: Stack) -> str:
        """Where the stack's Traefik finds it: on this machine, by the gateway of its outer network."""
        network = docker.from_env().networks.get(f"{stack.project}_public")
        gateway = network.attrs["IPAM"]["Config"][0]["Gateway"]
        return f"http://{gateway}:{self._server.server_port}/verify?from=traefik"

    def stop(self) -> None:
        """Answer nobody any more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def ask(stack: Stack, path: str, **options: object) -> requests.Response:
    """Ask without following redirects."""
    return get(stack, path, allow_redirects=False, **options)
