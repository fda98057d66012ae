"""Report of a check's findings, for people (in color on a terminal) and for programs (JSON)."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from tracestore.manifest import Fault

SHOWN = 5
"""Number of faults per kind and column that are shown one by one."""

_RED, _YELLOW, _BOLD, _DIM, _PLAIN = "\033[31m", "\033[33m", "\033[1m", "\033[2m", "\033[0m"


def say(text: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(f"{text}\n")


def report_faults(faults: Sequence[Fault]) -> None:
    """Write the first faults of each kind and column to standard output, in the format of compilers."""
    if faults:
        say("\n".join(lines_of(faults, colour=in_colour(sys.stdout))))


def report_as_json(faults: Sequence[Fault], warnings: Sequence[tuple[str, str]]) -> None:
    """Write all faults, and all warnings with their studies, to standard output as JSON."""
    found = {
        "faults": [fault.model_dump(exclude_none=True) for fault in faults],
        "warnings": [{"study": study, "text": text} for study, text in warnings],
    }
    say(json.dumps(found, ensure_ascii=False))


def lines_of(faults: Iterable[Fault], *, colour: bool) -> list[str]:
    """Return one line per fault; faults of a kind and column beyond `SHOWN` are only counted, in one line."""
    sorts: dict[tuple[str, str, str | None], list[Fault]] = {}
    for fault in faults:
        sorts.setdefault((fault.file, fault.kind, fault.column), []).append(fault)
    shown = [fault for found in sorts.values() for fault in found[:SHOWN]]
    counts = [
        f"{file}: {column or '-'}: {sum(fault.times for fault in found[SHOWN:]):,} more of the kind {kind}"
        for (file, kind, column), found in sorts.items()
        if len(found) > SHOWN
    ]
    shown.sort(key=lambda fault: (fault.file, fault.line or 0))
    return [*(_as_compilers_do(fault, colour) for fault in shown), *counts]


def in_colour(stream: TextIO) -> bool:
    """Return True if output should be in color: on a terminal, unless NO_COLOR is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def warning_line(study: str, text: str, *, colour: bool) -> str:
    """Return the line of a warning."""
    word = f"{_YELLOW}warning{_PLAIN}" if colour else "warning"
    return f"{study}: {word}: {text}"


def _as_compilers_do(fault: Fault, colour: bool) -> str:
    bold, red, dim, plain = (_BOLD, _RED, _DIM, _PLAIN) if colour else ("", "", "", "")
    where = [part for part in (fault.unit, fault.period) if part is not None]
    place = f"{bold}{fault.file}:{fault.line or 1}: {fault.column or '-'}:{plain}"
    cell = f" ({', '.join(where)})" if where else ""
    return (
        f"{place} {red}found {fault.finding}{plain}{cell};"
        f" expected {fault.expected}. {dim}{fault.advice}{plain}"
    )
