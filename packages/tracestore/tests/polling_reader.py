"""Reads the current version over and over, as a dashboard does; started by `test_crash.py`.

Stops when standard input ends, and prints as JSON how often it read, the seeds it saw in their order
without repetition, and what went wrong.
"""

import json
import select
import sys
from pathlib import Path

from tracestore.errors import TraceStoreError
from tracestore.store import TraceStore

HDF5 = b"\x89HDF"
"""First bytes of a real trace, which has no seed in them; its hash shows that it is whole."""


def read(store: TraceStore, study: str) -> int:
    version = store.verified(study, store.current(study).version)
    seed = version.manifest.identity.seed
    content = version.trace.read_bytes()
    if content.startswith(HDF5):
        return seed
    lines = set(content.decode().splitlines())
    if lines != {str(seed)}:
        raise ValueError(f"the trace of seed {seed} says {sorted(lines)}")
    return seed


def main(root: Path, study: str) -> None:
    store = TraceStore(root)
    reads, seeds, errors = 0, list[int](), list[str]()
    ended = False
    while not ended:
        ended = bool(select.select([sys.stdin], [], [], 0)[0])
        try:
            seed = read(store, study)
        except (TraceStoreError, OSError, ValueError) as error:
            errors.append(repr(error))
            continue
        reads += 1
        if seeds[-1:] != [seed]:
            seeds.append(seed)
    sys.stdout.write(json.dumps({"reads": reads, "seeds": seeds, "errors": errors}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
