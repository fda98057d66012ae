"""Fixtures: a synthetic store, and the service run as it is deployed, in a process of its own."""

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

import pytest

sys.path.insert(0, str(Path(__file__).parent))

SERVICE = Path(__file__).parents[1]


def eventually[Result](check: Callable[[], Result], timeout: float = 20.0) -> Result:
    """Give the first true result of a check; fail with its last result or error when time is up."""
    end = time.monotonic() + timeout
    while True:
        try:
            result, error = check(), None
        except (OSError, AssertionError, LookupError) as failed:
            result, error = None, failed
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {result!r}") from error
        time.sleep(0.02)


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

    def start(self, service: Path = SERVICE, **environment: str) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dashboard"],
                cwd=service,
                stdout=log,
                stderr=log,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": os.environ.get("HOME", "/"),
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

    def ask(self, path: str = "/", port: int | None = None, **headers: str) -> tuple[int, str]:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://localhost:{port or self.port}{path}", headers=names)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self) -> bool:
        return self.ask("/ready", self.health_port)[0] == 200

    def read_log(self) -> str:
        return self.log.read_text()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service over an empty volume, not started yet; killed at the end if it still runs."""
    root = tmp_path / "traces"
    root.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("s" * 44)
    made = Service(root, free_port(), free_port(), tmp_path / "log", secret)
    yield made
    if hasattr(made, "process") and made.process.poll() is None:
        made.process.kill()
        made.process.wait()
