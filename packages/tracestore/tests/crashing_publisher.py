"""Writes a store in a process that can be traced and killed; started by `test_crash.py`.

Interpreter and imports are paid once: each line on standard input is one act, such as a publish, done by a
forked child whose number is printed. The child begins when it can read from the descriptor given, so that
a tracer has the time to attach, and marks begin and end by asking for access to paths that are not there.
Its exit status is printed when it has ended.
"""

import ctypes
import json
import os
import select
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tracestore.errors import TraceStoreError
from tracestore.manifest import TRACE_FILE, ManifestDraft, Status
from tracestore.publisher import Publisher

PR_SET_PTRACER = 0x59616D61
PR_SET_PTRACER_ANY = -1
EXIT_REFUSED = 3
ACTS = ("publish", "publish", "rollback", "retain", "status", "withdraw", "restore", "withdraw", "remove")


def act(root: Path, request: dict[str, Any], write: Callable[[Path], None]) -> None:
    publisher = Publisher(root)
    draft = ManifestDraft.model_validate(request["draft"])
    match request["act"]:
        case "publish":
            publisher.publish(draft, write)
        case "rollback":
            publisher.rollback(draft.study.name)
        case "retain":
            publisher.retain(draft.study.name, keep=0, ttl=timedelta(0))
        case "withdraw":
            publisher.withdraw(draft.study.name, "command")
        case "restore":
            publisher.restore(draft.study.name)
        case "remove":
            publisher.remove_withdrawn(draft.study.name, timedelta(0))
        case "status":
            moment = draft.created_at
            publisher.write_status(
                Status(
                    study=draft.study.name,
                    title=request["text"],
                    phase="sampling",
                    started_at=moment,
                    updated_at=moment,
                )
            )


def writer_of(text: str, trace: str | None) -> Callable[[Path], None]:
    pieces = [text.encode() * 4000] * 3 if trace is None else [Path(trace).read_bytes()]

    def write(directory: Path) -> None:
        with (directory / TRACE_FILE).open("wb", buffering=0) as file:
            for piece in pieces:
                file.write(piece)

    return write


def run_child(root: Path, request: dict[str, Any], release: int, errors: Path) -> None:
    # A tracer that is no parent is refused by Yama unless it has been allowed; elsewhere this fails
    # without effect.
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(PR_SET_PTRACER_ANY), 0, 0, 0)
    waiting = select.poll()
    waiting.register(release, select.POLLIN)
    os.write(1, f"{os.getpid()}\n".encode())
    waiting.poll()
    # What is written is there before the act begins: reading it is no part of a publish.
    write = writer_of(request["text"], request["trace"])
    os.access("/act-begins", os.F_OK)
    try:
        act(root, request, write)
    except TraceStoreError as failed:
        errors.write_text(str(failed))
        os._exit(EXIT_REFUSED)
    os.access("/act-ends", os.F_OK)
    os._exit(0)


def warm(request: dict[str, Any]) -> None:
    """Publish once, so that the imports and caches of a first publish are no part of those traced."""
    with tempfile.TemporaryDirectory() as elsewhere:
        for seed, deed in enumerate(ACTS):
            draft = {**request["draft"], "identity": {**request["draft"]["identity"], "seed": seed}}
            write = writer_of(request["text"], request["trace"])
            act(Path(elsewhere), {**request, "act": deed, "draft": draft}, write)


def main(root: Path, release: int, errors: Path) -> None:
    for number, line in enumerate(sys.stdin):
        request = json.loads(line)
        if number == 0:
            warm(request)
        child = os.fork()
        if child == 0:
            run_child(root, request, release, errors)
        _, status = os.waitpid(child, 0)
        os.write(1, f"{os.waitstatus_to_exitcode(status)}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
