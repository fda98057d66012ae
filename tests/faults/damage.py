"""Runs beside the worker, in its image: studies made to be damaged, and damage done to what they serve.

Reads one command a line from standard input and answers each with a line of JSON:

`seed N`    copy the version served of SOURCE to N studies of their own
`damage`    give each study another version, damaged in a way of its own, and make it the one served
`heal`      make what was copied the one served again
`remove`    take the studies away

Whatever is served after `damage` must be refused: it is not what its manifest says, its manifest is not
one, or it is a version whole by its hashes whose trace is not what the contract says. Among all of these
are pickles, which leave a file behind where one is loaded.
"""

import hashlib
import io
import itertools
import json
import os
import pickle
import random
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tracestore.manifest import Identity

ROOT = Path("/traces")
SOURCE = "smoking-spending"
MARK = "pickle-was-run"
MANIFEST, TRACE, CURRENT = "manifest.json", "trace.nc", "current.json"


class Payload:
    """Leaves a file in /tmp and in the volume, if it can, when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch /tmp/{MARK} /traces/{MARK}",)


def pickled() -> bytes:
    """Give a pickle that does something."""
    return pickle.dumps(Payload())


def object_array() -> bytes:
    """Give an array of objects as NumPy writes it: a header and a pickle."""
    file = io.BytesIO()
    np.save(file, np.array([Payload()], dtype=object), allow_pickle=True)
    return file.getvalue()


Files = dict[str, bytes]
Record = dict[str, Any]
chance = random.Random(20)


def cut(content: bytes) -> bytes:
    return content[: chance.randrange(len(content))]


def flip(content: bytes) -> bytes:
    changed = bytearray(content)
    place = chance.randrange(len(changed))
    changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def extend(content: bytes) -> bytes:
    return content + chance.randbytes(chance.randrange(1, 100))


def swap(content: bytes) -> bytes:
    half = len(content) // 2
    return content[half:] + content[:half]


def blank(content: bytes) -> bytes:
    start = chance.randrange(len(content) - 8)
    changed = content[:start] + bytes(8) + content[start + 8 :]
    return changed if changed != content else cut(content)


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "flipped": flip,
    "extended": extend,
    "swapped": swap,
    "blanked": blank,
    "empty": lambda content: b"",
    "noise": lambda content: chance.randbytes(len(content)),
    "pickle": lambda content: pickled(),
}
"""Of a trace, with its manifest left as it was."""


def drop_field(record: Record) -> None:
    del record[chance.choice(["study", "identity", "version", "files", "units", "verdict", "sampling"])]


def add_field(record: Record) -> None:
    record[f"field_{chance.randrange(10**6)}"] = chance.choice([None, 1, "text", [], {}])


def change_identity(record: Record) -> None:
    record["identity"]["data_sha256"] = chance.randbytes(32).hex()


def change_type(record: Record) -> None:
    name = chance.choice(["units", "periods", "files", "study", "identity"])
    record[name] = chance.choice([1, "x", None, [[]]])


def change_hash(record: Record) -> None:
    record["files"][TRACE]["sha256"] = chance.randbytes(32).hex()


def change_size(record: Record) -> None:
    record["files"][TRACE]["size"] += chance.choice([-1, 1, 10**9])


def lead_away(record: Record) -> None:
    away = chance.choice(["../../etc/passwd", "/etc/passwd", "..", "a/b", ".hidden"])
    record["files"][away] = {"sha256": "a" * 64, "size": 1}


def add_missing_file(record: Record) -> None:
    record["files"]["model.pkl"] = {"sha256": hashlib.sha256(pickled()).hexdigest(), "size": 7}


def repeat_unit(record: Record) -> None:
    record["units"].append(record["units"][0])


def be_of_another_study(record: Record) -> None:
    record["study"]["name"] = f"another-{chance.randrange(1000)}"


def be_of_another_schema(record: Record) -> None:
    record["schema_version"] = chance.choice([0, 2, "1; rm", -1])


RECORDS: dict[str, Callable[[Record], None]] = {
    "field dropped": drop_field,
    "field added": add_field,
    "other identity": change_identity,
    "other type": change_type,
    "other hash": change_hash,
    "other size": change_size,
    "file elsewhere": lead_away,
    "file missing": add_missing_file,
    "unit twice": repeat_unit,
    "other study": be_of_another_study,
    "other schema": be_of_another_schema,
}
"""Of a manifest that is JSON still."""

TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "cut": cut,
    "swapped": swap,
    "empty": lambda content: b"",
    "noise": lambda content: chance.randbytes(2000),
    "pickle": lambda content: pickled(),
    "pickle, protocol 0": lambda content: pickle.dumps(Payload(), protocol=0),
    "nested": lambda content: b"[" * 100_000,
    "not UTF-8": lambda content: content.replace(b'"', b'"\xff', 3),
    "too large": lambda content: b" " * (16 * 1024 * 1024) + content,
}
"""Of a manifest that is none any more."""


def without(group: str, name: str) -> Callable[[bytes], bytes]:
    """Take a variable out of a trace."""

    def change(content: bytes) -> bytes:
        file = io.BytesIO(content)
        with h5py.File(file, "r+") as trace:
            del trace[f"{group}/{name}"]
        return file.getvalue()

    return change


def renamed(group: str, name: str) -> Callable[[bytes], bytes]:
    """Call a variable of a trace something else."""

    def change(content: bytes) -> bytes:
        file = io.BytesIO(content)
        with h5py.File(file, "r+") as trace:
            trace[group].move(name, f"{name}_{chance.randrange(1000)}")
        return file.getvalue()

    return change


WHOLE: dict[str, Callable[[bytes], bytes]] = {
    "noise": lambda content: chance.randbytes(5000),
    "pickle": lambda content: pickled() + chance.randbytes(8),
    "array of objects": lambda content: object_array() + chance.randbytes(8),
    "without slopes": without("posterior", "beta"),
    "without outcomes": without("panel", "outcome"),
    "without treatments": without("panel", "treatment"),
    "without band": without("band", "lower"),
    "slopes by another name": renamed("posterior", "beta"),
    "panel by another name": renamed("panel", "outcome"),
    "head of HDF5 and noise": lambda content: content[:8] + chance.randbytes(4000),
    "cut": lambda content: content[: len(content) // chance.randrange(2, 9)],
}
"""Of a trace whose manifest agrees: whole by its hash, and no trace."""


def ways() -> Iterator[tuple[str, str]]:
    """Give all ways of damage in turn, for ever."""
    tables = {"trace": BYTES, "record": RECORDS, "manifest": TEXTS, "whole": WHOLE, "pointer": TEXTS}
    yield from itertools.cycle([(table, name) for table in tables for name in tables[table]])


class Studies:
    """The studies made to be damaged."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._ways = ways()
        self._seeds = itertools.count(10**6)
        pointer = json.loads((ROOT / SOURCE / CURRENT).read_text())
        self._good = pointer["version"]
        self._manifest = json.loads((ROOT / SOURCE / self._good / MANIFEST).read_text())
        self._trace = (ROOT / SOURCE / self._good / TRACE).read_bytes()

    def seed(self, count: int) -> object:
        """Make so many studies that serve what SOURCE does."""
        for number in range(count):
            name = f"damaged-{number}"
            (ROOT / name).mkdir()
            self._write(name, self._good, self._record(name), self._trace)
            self._point(name, self._pointer(self._good))
            self.names.append(name)
        return {"studies": self.names, "version": self._good}

    def damage(self) -> object:
        """Serve a damaged version of each study; say by study how it was damaged and which version it is."""
        done = {}
        for name in self.names:
            table, way = next(self._ways)
            identity = self._manifest["identity"] | {"seed": next(self._seeds)}
            version = Identity.model_validate(identity).version()
            record = self._record(name) | {"identity": identity, "version": version}
            trace, pointer = self._trace, self._pointer(version)
            text: bytes | None = None
            if table == "trace":
                trace = BYTES[way](trace)
            elif table == "whole":
                trace = WHOLE[way](trace)
                record["files"] = {TRACE: {"sha256": hashlib.sha256(trace).hexdigest(), "size": len(trace)}}
            elif table == "record":
                RECORDS[way](record)
            elif table == "manifest":
                text = TEXTS[way](json.dumps(record).encode())
            else:
                pointer = TEXTS[way](pointer)
            self._write(name, version, record, trace, text)
            if chance.random() < 0.2:
                (ROOT / name / version / "model.pkl").write_bytes(pickled())
            self._point(name, pointer)
            done[name] = [f"{table}: {way}", version]
        return done

    def heal(self) -> object:
        """Serve what was copied again."""
        for name in self.names:
            self._point(name, self._pointer(self._good))
        return {"run": [str(path) for path in (Path(f"/tmp/{MARK}"), ROOT / MARK) if path.exists()]}

    def remove(self) -> object:
        """Take the studies away."""
        for name in self.names:
            shutil.rmtree(ROOT / name)
        return {"removed": len(self.names)}

    def _record(self, name: str) -> Record:
        record: Record = json.loads(json.dumps(self._manifest))
        record["study"]["name"] = name
        return record

    def _pointer(self, version: str) -> bytes:
        record = {"schema_version": 1, "version": version, "published_at": "2026-11-01T12:00:00Z"}
        if version != self._good:
            record["previous"] = self._good
        return json.dumps(record).encode()

    @staticmethod
    def _write(name: str, version: str, record: Record, trace: bytes, text: bytes | None = None) -> None:
        directory = ROOT / name / version
        directory.mkdir()
        (directory / TRACE).write_bytes(trace)
        (directory / MANIFEST).write_bytes(json.dumps(record).encode() if text is None else text)

    @staticmethod
    def _point(name: str, content: bytes) -> None:
        temporary = ROOT / name / ".tmp-current-test"
        temporary.write_bytes(content)
        temporary.replace(ROOT / name / CURRENT)


def main() -> None:
    """Do what is said, a line at a time."""
    studies = Studies()
    for line in sys.stdin:
        command, *rest = line.split()
        answer = studies.seed(int(rest[0])) if rest else getattr(studies, command)()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
