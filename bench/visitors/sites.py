"""The two dashboards that bench/page.py compares: the stack, and the naive app beside it."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests
from visitors.sessions import Server

from probes import data_block, eventually, get
from stack import REPOSITORY, Stack, free_port

IMAGE = "longitude/bokeh:dev"
READ_DRAWS = (
    "import sys, numpy, xarray; "
    "draws = xarray.open_dataset(sys.argv[1], group='posterior', engine='h5netcdf')['beta'].to_numpy(); "
    "numpy.save(sys.stdout.buffer, draws.ravel())"
)


@contextmanager
def stack_site(stack: Stack, study: str) -> Iterator[Server]:
    """Give the stack's only replica behind its proxy, once the study is published and shown."""
    eventually(lambda: stack.published(study), 180, f"{study} published")
    shown = f"/?study={study}"
    eventually(
        lambda: data_block(get(stack, shown).text, "words")["view"] == "dashboard", 30, "the dashboard"
    )
    [replica] = stack.containers("bokeh")
    yield Server(
        url=stack.url,
        query=f"?study={study}",
        container=replica,
        find_token=lambda html: str(data_block(html, "render-item")["token"]),
        ca=stack.ca,
    )


@contextmanager
def naive_site(stack: Stack, study: str) -> Iterator[Server]:
    """Run the naive app on the loopback address, with the study's CSV and the draws of its version."""
    port = free_port()
    save_draws(stack, study)
    container = docker.from_env().containers.run(
        IMAGE,
        entrypoint=["bokeh", "serve", "/naive_app", "--address", "127.0.0.1", "--port", str(port)],
        command=["--allow-websocket-origin", f"localhost:{port}"],
        environment={"NAIVE_CSV": f"/study/{study}.csv", "NAIVE_DRAWS": "/own/draws.npy"},
        volumes={
            str(REPOSITORY / "bench" / "naive_app"): {"bind": "/naive_app", "mode": "ro"},
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
        server = Server(
            url=f"http://localhost:{port}", query="naive_app", container=container, find_token=read_token
        )
        eventually(lambda: requests.get(server.page, timeout=20).ok, 60, "the naive app")
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
