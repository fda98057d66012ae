# runs in: tests
"""Memory and time of one replica, and of the worker, as studies, units, versions and fits grow.

A replica of compose.yaml, with its limits and nothing before it, serves a store of 10, 100 and 1,000
studies of the size of a shipped one, then a study of 200 and one of 5,000 units, then one of which 10,000
versions were published one after another while a page of it was open. Each row is of a replica that was
started anew, and then visited once for each study: page, websocket, document. The worker fits 300 times.
"""

import argparse
import json
import time
from pathlib import Path

from parts.documents import replace_part
from parts.worker_memory import measure_worker_memory

from faults.growth import Growth, lone_replica, measure_studies, measure_units, measure_versions
from stack import Stack, running

PROJECT = "longitude-bench-growth"
LIMITS = {
    "ready_s_1000": 10.0,
    "rss_mib_1000": 400.0,
    "cold_page_p95_s": 1.0,
    "studies_page_s": 0.3,
    "worker_rss_mib_300": 1536.0,
}
HEADINGS = ("", "ready s", "MiB at rest", "MiB at most", "page s", "shown s", "/studies ms", "pages show")


def write_row(what: str, growth: Growth) -> str:
    """Write a row of the table."""
    cells = (
        what,
        f"{growth.ready_s:.1f}",
        f"{growth.rest_mib:.0f}",
        f"{growth.peak_mib:.0f}",
        f"{growth.answered_s:.2f}",
        f"{growth.shown_s:.2f}",
        f"{1000 * growth.studies_s:.0f}",
        growth.shown,
    )
    return f"| {' | '.join(cells)} |"


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--units", type=int, nargs="*", default=[200, 5000])
    parser.add_argument("--versions", type=int, default=10_000, help="0: none")
    parser.add_argument("--fits", type=int, default=300, help="0: none")
    parser.add_argument("--write", type=Path, help="the file whose table is replaced, docs/capacity.md")
    return parser.parse_args()


def measure_replica(options: argparse.Namespace) -> tuple[list[str], dict[str, float]]:
    """Measure one replica as studies, units and versions grow; return rows of the table, and figures."""
    rows, figures = [], {}

    def tell(what: str, growth: Growth) -> None:
        rows.append(write_row(what, growth))
        print(f"{what}: {growth}", flush=True)

    if options.studies:
        with lone_replica(PROJECT) as stack:
            for count in sorted(options.studies):
                growth = measure_studies(stack, count)
                tell(f"{count:,} studies", growth)
        figures |= {
            f"ready_s_{count}": growth.ready_s,
            f"rss_mib_{count}": growth.peak_mib,
            "cold_page_p95_s": growth.shown_s,
            "studies_page_s": growth.studies_s,
        }
    for count in options.units:
        with lone_replica(PROJECT) as stack:
            tell(f"{count:,} units", measure_units(stack, count))
    if options.versions:
        with lone_replica(PROJECT) as stack:
            tell(f"{options.versions:,} versions", measure_versions(stack, options.versions))
    return rows, figures


def write_table(rows: list[str], figures: dict[str, float]) -> str:
    """Write what was measured as docs/capacity.md has it."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---" * len(HEADINGS) + "|", *rows, ""]
    lines += ["| | measured | to reach |", "|---|---|---|"]
    for name, value in figures.items():
        lines.append(f"| `{name}` | {value:.3f} | {f'≤ {LIMITS[name]:g}' if name in LIMITS else ''} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    options, began = read_options(), time.monotonic()
    rows, figures = measure_replica(options)
    if options.fits:
        with running(Stack(PROJECT, replicas_wanted=1)) as stack:
            figures[f"worker_rss_mib_{options.fits}"] = measure_worker_memory(stack, fits=options.fits)
    table = write_table(rows, figures)
    print(f"{table}\n{(time.monotonic() - began) / 60:.1f} minutes in all")
    if options.write is not None:
        replace_part(options.write, "growth", table)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
