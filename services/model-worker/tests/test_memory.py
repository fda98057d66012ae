"""No file, whatever is wrong with it, takes more than twice its text in memory, beside what any file takes.

The base is the process after a file of 5,000 rows with the same damage: its modules and Arrow's threads. What
any file takes beside that are the runs in work, of 10,000 rows as text and of 256 KiB in Arrow.
"""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

PERIODS = 50
ROWS = 1_000_000
RUNS = 32 << 20
"""Bytes that runs take whatever the file's size; files below it can take more than twice theirs."""

STUDY = """\
title = "Firms"
file = "{file}"
unit = {{ column = "firm", label = "name", noun = "firm" }}
period = {{ column = "year", noun = "year" }}
outcome = {{ column = "sales", label = "Sales", units = "US$", transform = "log" }}
treatment = {{ column = "price", label = "Price", units = "US$", transform = "log" }}
what_if.change = {{ kind = "percent", default = 1, min = -50, max = 100 }}
read.encoding = "{encoding}"
"""


def make_lines(rows: int, name: str = "Firm") -> list[str]:
    """Make the lines of a panel of 50 years without faults, of about 40 characters each."""
    rng = np.random.default_rng(rows)
    sales, prices = np.exp(rng.normal(3, 1, rows)).round(4), np.exp(rng.normal(size=rows)).round(6)
    firms = np.arange(rows) // PERIODS
    years = 1970 + np.arange(rows) % PERIODS
    numbers = zip(firms.tolist(), years.tolist(), sales.tolist(), prices.tolist(), strict=True)
    rest = [f"F{firm:06d},{name} {firm},{year},{sale},{price}\n" for firm, year, sale, price in numbers]
    return ["firm,name,year,sales,price\n", *rest]


def spoil(lines: list[str]) -> list[str]:
    return [line.replace(",1", ",x", 1) if row % 7 == 3 else line for row, line in enumerate(lines)]


Damage = Callable[[int], bytes]


def text_of(lines: list[str]) -> bytes:
    return "".join(lines).encode()


def repeat(rows: int) -> bytes:
    lines = make_lines(rows // 2)
    return text_of(lines + lines[1:])


def lengthen(rows: int) -> bytes:
    return text_of([f"{line[:-1]},\n" if row % 3 == 2 else line for row, line in enumerate(make_lines(rows))])


def relabel(rows: int) -> bytes:
    return text_of([line.replace("Firm", f"Firm{row % 2}") for row, line in enumerate(make_lines(rows))])


def name_each_row(rows: int) -> bytes:
    return text_of([line.replace("F", f"F{row:07d}", 1) for row, line in enumerate(make_lines(rows))])


def date_each_row(rows: int) -> bytes:
    head, *lines = make_lines(rows)
    return text_of([head, *(line.replace(",19", f",{row}x", 1) for row, line in enumerate(lines))])


def widen(rows: int) -> bytes:
    head, *lines = make_lines(rows // 4)
    more = "".join(f",c{place}" for place in range(60))
    cells = ",1" * 60
    return text_of([head[:-1] + more + "\n", *(f"{line[:-1]}{cells}\n" for line in lines)])


def spoil_wide(rows: int) -> bytes:
    return widen(rows).replace(b"2000,", b"2000,x")


def plain(rows: int) -> bytes:
    return text_of(make_lines(rows))


def in_utf_16(rows: int) -> bytes:
    return "".join(make_lines(rows)).encode("utf-16")


DAMAGES: dict[str, tuple[str, Damage, set[str]]] = {
    "none": ("utf-8", plain, set()),
    "bad numbers": (
        "utf-8",
        lambda rows: text_of(spoil(make_lines(rows))),
        {"not_a_number", "not_an_integer"},
    ),
    "rows twice": ("utf-8", repeat, {"repeated_row"}),
    "ragged rows": ("utf-8", lengthen, {"ragged_row"}),
    "two labels": ("utf-8", relabel, {"label_conflict"}),
    "a unit a row": ("utf-8", name_each_row, {"too_many_values"}),
    "a period a row": ("utf-8", date_each_row, {"not_a_number", "not_an_integer", "too_many_periods"}),
    "one line": ("utf-8", lambda rows: plain(rows).replace(b"\n", b","), {"long_line"}),
    "blank lines": ("utf-8", lambda rows: plain(rows).replace(b"\n", b"\n\n \n"), set()),
    "an open quote": ("utf-8", lambda rows: plain(rows).replace(b"F", b'"F', 1), {"open_quote"}),
    "many columns": ("utf-8", widen, set()),
    "many columns and bad numbers": ("utf-8", spoil_wide, {"not_a_number", "not_an_integer"}),
    "cyrillic": ("cp1251", lambda rows: "".join(make_lines(rows, "Завод")).encode("cp1251"), set()),
    "utf-16": ("utf-16", in_utf_16, set()),
    "cut utf-16": ("utf-16", lambda rows: in_utf_16(rows)[:-1], {"wrong_encoding"}),
    "not utf-8": ("utf-8", lambda rows: plain(rows) + b"\xff", {"wrong_encoding"}),
}


def write_study(folder: Path, file: str, encoding: str, content: bytes) -> Path:
    folder.mkdir()
    (folder / file).write_bytes(content)
    (folder / "study.toml").write_text(STUDY.format(file=file, encoding=encoding))
    return folder


def peak_of(tmp_path: Path, file: str, encoding: str, small: bytes, large: bytes) -> tuple[int, list[str]]:
    """Read both in a process of its own; give the bytes it took for the large one, and the kinds of fault."""
    folders = [
        write_study(tmp_path / name, file, encoding, content)
        for name, content in (("small", small), ("large", large))
    ]
    command = [sys.executable, "peak_memory.py", *map(str, folders)]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, check=True)
    found = json.loads(done.stdout)
    return found["peak"] - found["base"], found["kinds"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_takes_at_most_twice_its_size_in_memory(tmp_path: Path, damage: str) -> None:
    encoding, make, kinds = DAMAGES[damage]
    content = make(ROWS)
    taken, found = peak_of(tmp_path, "data.csv", encoding, make(5_000), content)
    assert set(found) == kinds
    assert taken <= 2 * len(content) + RUNS


@pytest.mark.parametrize("damage", ["none", "bad numbers", "utf-16"])
def test_a_compressed_file_takes_at_most_twice_its_text_in_memory(tmp_path: Path, damage: str) -> None:
    encoding, make, kinds = DAMAGES[damage]
    content = make(ROWS)
    small, large = (gzip.compress(text, 1) for text in (make(5_000), content))
    taken, found = peak_of(tmp_path, "data.csv.gz", encoding, small, large)
    assert set(found) == kinds
    assert taken <= 2 * len(content) + RUNS
