"""What the faults measured: one row for each criterion of a fault, kept whether or not it holds."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

PREFACE = """# What Longitude withstands

Each row is a fault that was made to happen to a running stack, a criterion that had to hold meanwhile,
and what was measured. `make test-faults` makes them happen, fails where a criterion does not hold or
where a fault could not be made to happen, and writes this page and [faults.json](faults.json); a short
form is part of `make test`. The base load for an hour or so is `make soak`'s, whose rows stay until it is
run again.

"""

SOAK = "minutes of the base load"
"""How the fault of `make soak` ends, after their number."""


@dataclass(frozen=True)
class Row:
    """One criterion of one fault: what was measured, in words with its units, and whether it holds."""

    fault: str
    criterion: str
    measured: str
    holds: bool


@dataclass
class Account:
    """What is measured of one fault."""

    fault: str
    rows: list[Row] = field(default_factory=list)

    def add(self, criterion: str, measured: str, holds: bool) -> None:
        """Note a criterion, what was measured and whether that holds."""
        self.rows.append(Row(self.fault, criterion, measured, bool(holds)))


@dataclass
class Ledger:
    """All rows, the ones that were there before included; measured anew, a row replaces its elder.

    Attributes
    ----------
    directory
        Where faults.json and faults.md are.
    conditions
        Sentences on what the figures were measured under.
    """

    directory: Path
    conditions: list[str] = field(default_factory=list)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def read(self, *, soak_only: bool = False) -> None:
        """Take the rows that an earlier run has written: all of them, or the soak's only."""
        path = self.directory / "faults.json"
        if path.exists():
            rows = [Row(**row) for row in json.loads(path.read_text())]
            self._take([row for row in rows if row.fault.endswith(SOAK) or not soak_only])

    @contextmanager
    def account(self, fault: str) -> Iterator[Account]:
        """Collect the rows of a fault; then write them all, and fail if one does not hold.

        A fault that could not be made to happen raises inside, which fails the test as well; what was
        measured by then is kept.
        """
        account = Account(fault)
        try:
            yield account
        finally:
            self._take(account.rows)
            self.write()
            for row in account.rows:
                print(f"{row.fault} | {row.criterion} | {row.measured} | {'holds' if row.holds else 'FAILS'}")
        broken = [f"{row.criterion}: {row.measured}" for row in account.rows if not row.holds]
        assert account.rows, f"nothing was measured of {fault!r}"
        assert not broken, f"{fault}: " + "; ".join(broken)

    def write(self) -> None:
        """Write faults.json and faults.md."""
        self.directory.mkdir(parents=True, exist_ok=True)
        rows = list(self.rows.values())
        text = json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)
        (self.directory / "faults.json").write_text(text + "\n")
        (self.directory / "faults.md").write_text(render(rows, self.conditions))

    def _take(self, rows: list[Row]) -> None:
        self.rows |= {(row.fault, row.criterion): row for row in rows}


def render(rows: list[Row], conditions: list[str]) -> str:
    """Write the rows as a table, faults in the order they were first measured in."""
    faults = dict.fromkeys(row.fault for row in rows)
    lines = ["| fault | must hold | measured | |", "|---|---|---|---|"]
    for fault in faults:
        for place, row in enumerate(row for row in rows if row.fault == fault):
            cells = (
                fault if place == 0 else "",
                row.criterion,
                row.measured,
                "holds" if row.holds else "**fails**",
            )
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    held = sum(row.holds for row in rows)
    summary = f"{held} of {len(rows)} criteria of {len(faults)} faults hold."
    return PREFACE + "\n".join([*conditions, "", summary, "", *lines]) + "\n"


def describe_machine() -> str:
    """Say what the figures were measured on, as far as it matters to them."""
    return (
        f"All of it on one machine with {os.cpu_count()} cores, which proxy, replicas, worker, visitors and "
        "browser share with whatever else runs there; proxy, replicas and visitors come first."
    )
