"""Run in a process of its own: reads a small study, then a large one, and tells the memory that took."""

import json
import sys
from pathlib import Path

from model_worker.data.data_file import read_data
from model_worker.data.panel import make_panel, read_columns
from model_worker.study.definition import read_study
from model_worker.study.faults import InvalidInput


def read(folder: Path) -> list[str]:
    """Read a study's panel; give the kinds of its faults."""
    study = read_study(folder)
    try:
        columns = read_columns(study, read_data(study))
        make_panel(study, columns)
    except InvalidInput as invalid:
        return sorted({fault.kind for fault in invalid.faults})
    return []


def resident(entry: str) -> int:
    """Return a figure of the process in bytes: VmRSS, what it holds now, or VmHWM, the most it held."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{entry}:")[1].split()[0]) * 1024


def main() -> None:
    """Print base and peak in bytes, and the kinds of fault of the large study."""
    small, large = map(Path, sys.argv[1:])
    read(small)
    base = resident("VmRSS")
    # Sets the mark of the most memory back to what there is now (proc(5)).
    Path("/proc/self/clear_refs").write_text("5")
    kinds = read(large)
    sys.stdout.write(json.dumps({"base": base, "peak": resident("VmHWM"), "kinds": kinds}))


if __name__ == "__main__":
    main()
