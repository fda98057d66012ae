"""A stack of its own for the tests: its project, ports, studies and volumes, driven as users do."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import docker
from docker.models.containers import Container

REPOSITORY = Path(__file__).resolve().parents[1]
ARTIFACTS = Path(os.environ.get("ARTIFACTS") or REPOSITORY / "artifacts")
COMMAND_SECONDS = 300
UNLIMITED = dict.fromkeys(
    ("PAGES_AVERAGE", "PAGES_BURST", "RATE_AVERAGE", "RATE_BURST", "OPEN_MAX"), "100000"
)
"""Limits of an address: tests ask as one address for more than all its readers would."""


class CommandFailed(Exception):
    """A command of the stack ended with an error; the message carries all it printed."""


def free_port() -> int:
    """Return a port of the loopback address that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Stack:
    """One Compose project of compose.yaml with compose.test.yaml over it."""

    project: str
    replicas_wanted: int = 2
    variables: dict[str, str] = field(default_factory=dict)
    https_port: int = field(default_factory=free_port)
    http_port: int = field(default_factory=free_port)
    overlays: tuple[str, ...] = ("compose.test.yaml",)

    @property
    def directory(self) -> Path:
        """A folder that the engine sees under the same path."""
        return ARTIFACTS / self.project

    @property
    def studies(self) -> Path:
        """The folder of this stack's studies, which tests may change."""
        return self.directory / "studies"

    @property
    def ca(self) -> Path:
        """The file with the CA that this stack's certificate is verified against."""
        return self.directory / "ca.pem"

    @property
    def url(self) -> str:
        """Where a browser finds the dashboard."""
        return f"https://localhost:{self.https_port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that Compose runs with: the machine's, no limits, and this stack's over them."""
        own = {
            "COMPOSE_PROJECT_NAME": self.project,
            "COMPOSE_FILE": ":".join(("compose.yaml", *self.overlays)),
            "HTTPS_PORT": str(self.https_port),
            "HTTP_PORT": str(self.http_port),
            "BOKEH_REPLICAS": str(self.replicas_wanted),
            "STUDIES": str(self.studies),
            "DEFAULT_STUDY": "cigarette-sales",
        }
        return os.environ | UNLIMITED | own | self.variables

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the repository with this stack's variables; what it prints is kept."""
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if check and done.returncode != 0:
            raise CommandFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done

    def compose(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` for this stack."""
        return self.run("docker", "compose", *arguments, check=check)

    def prepare(self) -> None:
        """Lay out a copy of the shipped studies."""
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.copytree(REPOSITORY / "studies", self.studies)

    def up(self, *arguments: str) -> None:
        """Start the stack and wait until every service is healthy, then keep its CA."""
        self.compose("up", "--detach", "--wait", "--no-build", *arguments)
        self.ca.write_text(self.print_ca())

    def read_laid_out(self, path: str) -> str:
        """Return a file of the volumes that the setup step writes, as that step's user sees it."""
        reader = ("run", "--rm", "--no-deps", "--quiet-pull", "--entrypoint", "cat")
        return self.compose(*reader, "setup", path).stdout

    def print_ca(self) -> str:
        """Return the CA that clients must trust, PEM."""
        return self.compose("run", "--rm", "--no-deps", "--quiet-pull", "setup", "ca").stdout

    def down(self) -> None:
        """Remove containers, networks and volumes."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "20")

    def containers(self, service: str) -> list[Container]:
        """Return the running containers of a service, oldest number first."""
        # An image that Compose built carries its project and service as well; what others make of it does not
        # count.
        labels = [
            f"com.docker.compose.project={self.project}",
            f"com.docker.compose.service={service}",
            "com.docker.compose.oneoff=False",
        ]
        found = docker.from_env().containers.list(filters={"label": labels})
        return sorted(found, key=lambda one: int(one.labels["com.docker.compose.container-number"]))

    def logs(self, *services: str) -> str:
        """Return all that services logged, without colours and prefixes."""
        # Some versions of Compose clear the line first even where there is no terminal.
        return self.compose("logs", "--no-color", "--no-log-prefix", *services).stdout.replace("\x1b[2K", "")

    def in_worker(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the model-worker's CLI beside the running one."""
        return self.compose(
            "run", "--rm", "--no-deps", "--quiet-pull", "model-worker", *arguments, check=check
        )

    def published(self, study: str) -> dict[str, str] | None:
        """Return `current.json` of a study as the volume holds it now, or None."""
        done = self.compose("exec", "-T", "model-worker", "cat", f"/traces/{study}/current.json", check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def save_artifacts(self) -> None:
        """Write what explains a failure: the Compose model, the containers and every log."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, arguments in {
            "compose-model.yaml": ("config",),
            "containers.txt": ("ps", "--all", "--no-trunc"),
            "logs.txt": ("logs", "--no-color", "--timestamps"),
        }.items():
            (self.directory / name).write_text(self.compose(*arguments, check=False).stdout)


@contextmanager
def running(stack: Stack) -> Iterator[Stack]:
    """Run a stack from nothing for as long as the context lasts; KEEP_FAILED=1 keeps a failed one."""
    stack.prepare()
    stack.down()
    try:
        stack.up()
        yield stack
    except BaseException:
        stack.save_artifacts()
        if not os.environ.get("KEEP_FAILED"):
            stack.down()
        raise
    else:
        stack.down()
