"""Where publishers are killed: acts on a store under strace, and a reader that polls meanwhile."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tracestore.errors import NothingPublished
from tracestore.manifest import TRACE_FILE, ManifestDraft
from tracestore.publisher import Publisher
from tracestore.store import TraceStore

STUDY = "cigarette-sales"
HERE = Path(__file__).parent
EXIT_REFUSED = 3

# Memory, clocks and randomness: they leave nothing behind, and how often they are called varies.
WITHOUT_TRACE = {"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "getrandom"}
# The wait before the publish, and its marks.
AROUND = {"poll", "ppoll", "restart_syscall", "access", "faccessat", "faccessat2", "exit_group"}
# Between two of these the disk does not change.
CHANGING = {"mkdir", "write", "fsync", "chmod", "fchmod", "rename", "unlink", "rmdir", "flock", "openat"}


@dataclass(frozen=True)
class Call:
    """The `nth` system call of its kind in a publish, as strace writes it."""

    kind: str
    nth: int
    line: str

    @property
    def family(self) -> str:
        """The kind without its suffix: some processors have `mkdirat` and no `mkdir`."""
        return self.kind if self.kind == "openat" else re.sub(r"at2?$", "", self.kind)

    @property
    def changes(self) -> bool:
        """Return whether the call may change the disk."""
        return self.family in CHANGING and (self.kind != "openat" or "O_CREAT" in self.line)


@dataclass(frozen=True)
class Outcome:
    """Outcome of a traced publish."""

    exit_code: int
    trace: str
    error: str


SEEDS = itertools.count(1)
"""Of all tests of a run: on a store that they share, each version is another one."""


class Laboratory:
    """Publishes versions under strace, each from a process of its own; seeds count upwards.

    Traces are a few lines of text that say the seed, or copies of the one that is given.
    """

    def __init__(self, root: Path, scratch: Path, first: ManifestDraft, trace: Path | None = None) -> None:
        self.root = root
        self._trace = trace
        self.store = TraceStore(root)
        self._scratch = scratch
        self._first = first
        strace = shutil.which("strace")
        assert strace is not None, "strace is not installed; the crash test cannot do without it"
        self._strace = strace
        self._ready, self._release = os.pipe()
        # With the most closed of umasks, so that modes are those that the store itself has set.
        self._process = subprocess.Popen(
            [sys.executable, HERE / "crashing_publisher.py", root, str(self._ready), scratch / "error"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[self._ready],
            umask=0o077,
        )

    def close(self) -> None:
        self._process.communicate()
        os.close(self._ready)
        os.close(self._release)
        assert self._process.returncode == 0

    def next_draft(self) -> ManifestDraft:
        identity = self._first.identity.model_copy(update={"seed": next(SEEDS)})
        return self._first.model_copy(update={"identity": identity})

    def next_study(self) -> ManifestDraft:
        """Draft the first version of a study that is not in the store yet."""
        draft = self.next_draft()
        card = draft.study.model_copy(update={"name": f"study-{draft.identity.seed}"})
        return draft.model_copy(update={"study": card})

    def act_traced(self, act: str, draft: ManifestDraft, *options: str) -> Outcome:
        """Act in another process, with strace and its options attached to it from the start."""
        trace, error = self._scratch / "trace", self._scratch / "error"
        error.unlink(missing_ok=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"act": act, "draft": draft.model_dump(mode="json"), "text": f"{draft.identity.seed}\n"}
        request["trace"] = str(self._trace) if self._trace else None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        child = self._process.stdout.readline().strip()
        with subprocess.Popen(
            [self._strace, "-f", "-y", "-o", trace, *options, "-p", child], stderr=subprocess.PIPE, text=True
        ) as strace:
            assert strace.stderr is not None
            # Only then does every system call of the child pass by the tracer.
            assert "attached" in strace.stderr.readline()
            os.write(self._release, b"!")
            exit_code = int(self._process.stdout.readline())
        os.read(self._ready, 1)
        return Outcome(exit_code, trace.read_text(), error.read_text() if error.exists() else "")

    def publish(self, draft: ManifestDraft) -> None:
        """Publish in this process, by a publisher that knows nothing of what went before."""

        def write(directory: Path) -> None:
            if self._trace is not None:
                shutil.copyfile(self._trace, directory / TRACE_FILE)
            else:
                (directory / TRACE_FILE).write_text(f"{draft.identity.seed}\n" * 12000)

        Publisher(self.root).publish(draft, write)

    def names(self, study: str = STUDY) -> set[str]:
        return {path.name for path in (self.root / study).iterdir()}

    def served_seed(self) -> int:
        """Read the current version whole."""
        verified = self.store.verified(STUDY, self.store.current(STUDY).version)
        return verified.manifest.identity.seed


@dataclass
class Sightings:
    """Findings of a polling reader: number of reads, seeds in their order, and errors."""

    reads: int = 0
    seeds: tuple[int, ...] = ()
    errors: tuple[str, ...] = ()


@contextmanager
def polling(root: Path) -> Iterator[Sightings]:
    """Read from another process during the block; its findings are there afterwards."""
    seen = Sightings()
    with subprocess.Popen(
        [sys.executable, HERE / "polling_reader.py", root, STUDY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        yield seen
        said = json.loads(reader.communicate()[0])
        seen.reads, seen.seeds, seen.errors = said["reads"], tuple(said["seeds"]), tuple(said["errors"])


def read_served(root: Path) -> tuple[ManifestDraft, Path] | None:
    """Return what is served in a store as a draft, with its trace; None in an empty store."""
    try:
        store = TraceStore(root)
        verified = store.verified(STUDY, store.current(STUDY).version)
    except NothingPublished:
        return None
    fields = {name: getattr(verified.manifest, name) for name in ManifestDraft.model_fields}
    return ManifestDraft.model_validate(fields), verified.trace


def calls_of(trace: str) -> list[Call]:
    """Number the system calls between the marks, each kind from where the tracer attached."""
    counts: Counter[str] = Counter()
    calls: list[Call] = []
    within = False
    for line in trace.splitlines():
        if "/act-begins" in line:
            within = True
        elif "/act-ends" in line:
            return calls
        if (found := re.match(r"\d+ +(\w+)\(", line)) is None:
            continue
        kind = found[1]
        counts[kind] += 1
        if within and kind not in WITHOUT_TRACE | AROUND:
            calls.append(Call(kind, counts[kind], line))
    raise AssertionError(f"the trace does not hold a whole publish:\n{trace}")
