"""Fixtures: a synthetic store, and the service run as it is deployed, in a process of its own."""

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest
from tornado.httpclient import HTTPRequest

sys.path.insert(0, str(Path(__file__).parent))

from synthetic import publish

SERVICE = Path(__file__).parents[1]
# Shared machines are slow at times; everything that waits takes its patience from here.
PATIENCE = float(os.environ.get("PATIENCE") or 3.0)
# `pytest --hypothesis-profile=hostile` renders the page for 10,000 hostile queries.
hypothesis.settings.register_profile("hostile", max_examples=10_000, deadline=None)
# A slow machine is no fault of what is tested.
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")


def eventually[Result](check: Callable[[], Result], timeout: float = 20.0) -> Result:
    """Return the first true result of a check; fail with its last result or error when time is up."""
    end = time.monotonic() + timeout * PATIENCE
    while True:
        try:
            result, error = check(), None
        except (OSError, AssertionError, LookupError) as failed:
            result, error = None, failed
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout * PATIENCE:.0f} s: {result!r}") from error
        time.sleep(0.02)


async def until(holds: Callable[[], bool]) -> None:
    """Run the event loop until a condition holds."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    """The running service and what can be observed of it."""

    root: Path
    port: int
    health_port: int
    log: Path
    secret: Path
    process: subprocess.Popen[bytes] = field(init=False)

    pythonpath = os.environ.get("PYTHONPATH", "")

    def start(
        self,
        service: Path = SERVICE,
        command: tuple[str, ...] = (sys.executable, "-m", "dashboard"),
        **environment: str,
    ) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=service,
                stdout=log,
                stderr=log,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": os.environ.get("HOME", "/"),
                    "PYTHONPATH": self.pythonpath,
                    "TRACES_DIR": str(self.root),
                    "PORT": str(self.port),
                    "HEALTH_PORT": str(self.health_port),
                    "HTTPS_PORT": str(self.port),
                    "SECRET_FILE": str(self.secret),
                    "REPLICA": "replica-under-test",
                    "DRAIN_SECONDS": "0.5",
                }
                | environment,
            )

    def stop(self, number: int = signal.SIGTERM, timeout: float = 20.0) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def kill(self) -> None:
        if hasattr(self, "process") and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def ask(self, path: str = "/", port: int | None = None, **headers: str) -> tuple[int, str]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://localhost:{port or self.port}{path}", headers=names)
        try:
            with urllib.request.urlopen(request, timeout=10 * PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def look(self, path: str, **headers: str) -> http.client.HTTPResponse:
        """Ask without following a redirect, for headers as well as the body."""
        connection = http.client.HTTPConnection("localhost", self.port, timeout=20)
        connection.request("GET", path, headers=headers)
        return connection.getresponse()

    def ask_socket(self, query: str = "", prefix: str = "", **headers: str) -> HTTPRequest:
        """Return the request that opens a websocket as a page of this service does."""
        headers.setdefault("Origin", f"http://localhost:{self.port}")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return HTTPRequest(f"ws://localhost:{self.port}{prefix}/ws?{query}", headers=names)

    def ready(self) -> bool:
        return self.ask("/ready", self.health_port)[0] == 200

    def await_study(self, name: str) -> None:
        """Wait until the service knows a study."""
        eventually(lambda: f'"{name}"' in self.ask("/studies.json")[1])

    def read_log(self) -> str:
        return self.log.read_text()


def make_service(directory: Path) -> Service:
    """Make a service over an empty volume, not started yet."""
    root = directory / "traces"
    root.mkdir()
    secret = directory / "secret"
    secret.write_text("s" * 44)
    return Service(root, free_port(), free_port(), directory / "log", secret)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service of one test's own; killed at the end if it still runs."""
    made = make_service(tmp_path)
    yield made
    made.kill()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service for tests that keep to studies of their own."""
    made = make_service(tmp_path_factory.mktemp("shared"))
    publish(made.root)
    made.start()
    eventually(made.ready)
    yield made
    made.kill()


@pytest.fixture
def study(shared: Service) -> str:
    """The name of a study that no other test uses, with nothing in the shared volume yet."""
    return f"study-{len(list(shared.root.iterdir()))}"
