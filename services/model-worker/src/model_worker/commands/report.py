"""What a check found, for people (in colour on a terminal) and for programs (JSON)."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from tracestore.manifest import Fault

SHOWN = 5
"""Faults of one kind in one column that are shown one by one."""

_RED, _YELLOW, _BOLD, _DIM, _PLAIN = "\033[31m", "\033[33m", "\033[1m", "\033[2m", "\033[0m"


def say(text: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(f"{text}\n")


def report_faults(faults: Sequence[Fault]) -> None:
    """Write faults to standard output as compilers do, the first of each sort."""
    if faults:
        say("\n".join(lines_of(faults, colour=in_colour(sys.stdout))))


def report_as_json(faults: Sequence[Fault], warnings: Sequence[tuple[str, str]]) -> None:
    """Write all faults, and warnings with the study that each is of, to standard output as JSON."""
    found = {
        "faults": [fault.model_dump(exclude_none=True) for fault in faults],
        "warnings": [{"study": study, "text": text} for study, text in warnings],
    }
    say(json.dumps(found, ensure_ascii=False))


def lines_of(faults: Iterable[Fault], *, colour: bool) -> list[str]:
    """Give a line for each fault, and where there are more than a few of a sort, one that counts the rest."""
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
    """Say whether to write in colour: to a terminal, unless NO_COLOR is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def warning_line(study: str, text: str, *, colour: bool) -> str:
    """Give the line of a warning."""
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
