"""The worker as it is deployed, publishing to a stack's volume, killed or refused at a system call."""

import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from stack import Stack

IMAGE = "longitude/model-worker-test:dev"
"""The worker's code with strace beside it."""

DEPLOYED_IMAGE = "longitude/model-worker:dev"
"""Carries what has been compiled of the models."""

KINDS = "mkdir,write,fsync,fchmod,rename"
SECONDS = 300


@dataclass(frozen=True)
class Call:
    """A system call of a publish: the `nth` of its kind that the worker's main thread makes."""

    kind: str
    nth: int
    what: str


@dataclass(frozen=True)
class Run:
    """How a run of the worker ended: its exit code, what it said, what strace wrote."""

    code: int
    said: str
    trace: str

    @property
    def struck(self) -> str:
        """The call at which an error was put in, or the last one of a process that was killed."""
        *calls, end = self.trace.splitlines()
        injected = [line for line in (*calls, end) if "(INJECTED)" in line]
        killed = calls[-1:] if "+++ killed by SIGKILL" in end else []
        return "".join((injected or killed)[:1])


@dataclass(frozen=True)
class TracedWorker:
    """Runs `model-worker fit` of one study under strace, each run with a seed of its own."""

    stack: Stack
    study: str

    @property
    def home(self) -> Path:
        """The folder where the worker keeps what it has compiled, and strace what it has seen."""
        home = self.stack.directory / "worker-home"
        if not home.exists():
            home.mkdir()
            os.chown(home, 10001, 10001)
            self.stack.run(
                *("docker", "run", "--rm", "--network", "none", "--volume", f"{home}:/home/worker"),
                *("--entrypoint", "cp", DEPLOYED_IMAGE, "-r", "/opt/compiled", "/home/worker/.pytensor"),
            )
        return home

    def fit(self, seed: int, *options: str) -> Run:
        """Fit and publish the version of a seed, with options of strace."""
        trace = self.home / "trace"
        command = [
            *(
                "docker",
                "run",
                "--rm",
                "--network",
                "none",
                "--cap-add",
                "SYS_PTRACE",
                "--user",
                "10001:10001",
            ),
            *("--volume", f"{self.stack.project}_traces:/traces"),
            *("--volume", f"{self.stack.studies}:/studies:ro", "--volume", f"{self.home}:/home/worker"),
            *("--env", "HOME=/home/worker", "--env", f"SEED={seed}", "--env", "RETENTION_VERSIONS=1000"),
            # Of the main thread alone, which publishes; another tells how far the fit is.
            *(IMAGE, "strace", "-qq", "-y", "-o", "/home/worker/trace"),
            *("-e", f"trace={KINDS}", *options, "/opt/venv/bin/model-worker", "fit", self.study),
        ]
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Run(done.returncode, done.stdout, trace.read_text())

    def calls_of(self, run: Run) -> list[Call]:
        """Number the calls by which the main thread changes the study's directory, statuses left out."""
        counts: Counter[str] = Counter()
        calls = []
        for line in run.trace.splitlines():
            found = re.match(r"(\w+)\((.*)", line)
            if found is None:
                continue
            kind, what = found[1], found[2]
            counts[kind] += 1
            if f"/traces/{self.study}/" in what and "status" not in what:
                calls.append(Call(kind, counts[kind], re.sub(r"-[0-9a-f]{8,}", "", what.partition(")")[0])))
        return calls
