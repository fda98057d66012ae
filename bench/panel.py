"""Check of a large panel: seconds and peak memory of reading it whole and reporting its faults.

Each file is read by `model_worker.data.panel` in a process of its own. `check_1e6_s` and
`check_1e6_gib`: 1,000,000 rows, the worse of a clean file and of one in which every seventh outcome is at
fault; `check_1e7_gib`: the same of 10,000,000 rows. The figures of each file are in `files`.
"""

# runs in: bench

import argparse
import json
import statistics
import tempfile
from pathlib import Path

from parts.big_panel import read_in_process, write_study


def main() -> None:
    """Print every figure as it is found; end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs=2, default=(1_000_000, 10_000_000))
    asked = parser.parse_args()
    worst: dict[str, float] = {}
    files: dict[str, dict[str, float]] = {}
    for rows, name, repeats in zip(asked.rows, ("1e6", "1e7"), (asked.repeats, 1), strict=True):
        for form, faulty in ((".csv", False), (".csv", True), (".parquet", False), (".parquet", True)):
            with tempfile.TemporaryDirectory() as directory:
                folder = write_study(Path(directory), rows, form, faulty=faulty)
                found = [read_in_process(folder, reduce=False) for _ in range(repeats)]
            told = {
                "s": statistics.median(one["s"] for one in found),
                "gib": max(one["gib"] for one in found),
                "faults_told": found[0]["faults"],
            }
            label = f"{name} rows, {form[1:]}, {'faulty' if faulty else 'clean'}"
            files[label] = {key: round(value, 2) for key, value in told.items()}
            print(label, files[label], flush=True)
            for key in ("s", "gib"):
                at = f"check_{name}_{key}"
                worst[at] = max(worst.get(at, 0.0), files[label][key])
    print(json.dumps(worst | {"files": files}))


if __name__ == "__main__":
    main()
