# runs in: tests
"""The cost of a page, beside the same page as most applications are made.

The baseline is bench/plain_app under `bokeh serve`, which builds the page anew for every session: one
process, with the code, the store and the limits of one replica of the stack. Ours is measured as visitors get
it, through the proxy and TLS, from one replica.
"""

import argparse
import json
import statistics
import time

import requests
from visitors.loads import measure_loads
from visitors.sessions import Server, TimedSession, measure_memory, measure_rate
from visitors.sites import plain_site, stack_site

from probes import visit
from stack import Stack, running

STUDY = "cigarette-sales"
LIMITS = {
    "session_rate_ratio": 3.0,
    "memory_per_session_ratio": 0.5,
    "bytes_ratio": 0.5,
    "repaint_p95_ms": 50.0,
}


def measure_repaints(stack: Stack, changes: int) -> list[float]:
    """Return the milliseconds from asking for another unit to receiving the page's words of it, by change."""
    with TimedSession(visit(stack, f"study={STUDY}")) as session:
        units = list(session.offers("unit"))
        # What the process remembers of a unit is made at its first change, which counts like the others.
        return [
            1000 * session.time_change("unit", units[place % len(units)]) for place in range(1, changes + 1)
        ]


def measure_empty_answers(stack: Stack, count: int) -> list[float]:
    """Time answers that make nothing, through the same proxy: the scale of the machine's day, in ms."""
    times = []
    with requests.Session() as visitor:
        for _ in range(count):
            start = time.perf_counter()
            visitor.head(stack.url, verify=str(stack.ca), timeout=20).raise_for_status()
            times.append(1000 * (time.perf_counter() - start))
    return times


def find_p95(times: list[float]) -> float:
    """Return the value that 95 % of the times stay below."""
    return statistics.quantiles(times, n=20)[-1]


def measure_servers(servers: dict[str, Server], sessions: int, rounds: int) -> dict[str, tuple[float, float]]:
    """Return sessions a second and bytes a session of each server; rounds alternate between the servers.

    Memory first: sessions that have ended leave room behind in which later ones would go unseen.
    """
    memory = {name: measure_memory(server, sessions) for name, server in servers.items()}
    say("memory", {name: f"{size / 1024:.0f} KiB a session" for name, size in memory.items()})
    rates: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, server in servers.items():
            rates[name].append(measure_rate(server, sessions))
    say("rates", {name: ", ".join(f"{rate:.2f}" for rate in every) for name, every in rates.items()})
    return {name: (statistics.median(rates[name]), memory[name]) for name in servers}


def say(what: str, figures: dict[str, str]) -> None:
    """Print what was measured so far."""
    print(f"{what}: " + "; ".join(f"{name} {figure}" for name, figure in figures.items()), flush=True)


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20, choices=range(5, 101), metavar="5..100")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--changes", type=int, default=100)
    parser.add_argument("--loads", type=int, default=3)
    options = parser.parse_args()
    with (
        running(Stack("longitude-bench-page", replicas_wanted=1)) as stack,
        stack_site(stack, STUDY) as ours,
        plain_site(stack, STUDY, "plain_app") as plain,
    ):
        servers = {"ours": ours, "plain": plain}
        measured = measure_servers(servers, options.sessions, options.rounds)
        repaints = measure_repaints(stack, options.changes)
        empty = measure_empty_answers(stack, options.changes)
        loads = {name: measure_loads(server, stack.ca, options.loads) for name, server in servers.items()}
    figures = {
        "session_rate_ratio": measured["ours"][0] / measured["plain"][0],
        "memory_per_session_ratio": measured["ours"][1] / measured["plain"][1],
        "bytes_ratio": loads["ours"].wire_bytes / loads["plain"].wire_bytes,
        "repaint_p95_ms": find_p95(repaints),
        "document_ready_ms": loads["ours"].ready_ms,
        "layout_shift_after_ready": loads["ours"].shift_after,
    }
    print(f"{'':<32}{'page':>12}{'plain':>12}")
    for what, of in (
        ("sessions a second", lambda name: f"{measured[name][0]:.1f}"),
        ("KiB an open session", lambda name: f"{measured[name][1] / 1024:.0f}"),
        ("KiB over the wire, cold", lambda name: f"{loads[name].wire_bytes / 1024:.0f}"),
        ("ms until the document is ready", lambda name: f"{loads[name].ready_ms:.0f}"),
        ("layout shift in all", lambda name: f"{loads[name].shift:.3f}"),
        ("layout shift once ready", lambda name: f"{loads[name].shift_after:.3f}"),
    ):
        print(f"{what:<32}{of('ours'):>12}{of('plain'):>12}")
    for what, times in (("change of unit to its words", repaints), ("answer that makes nothing", empty)):
        print(
            f"{what}: median {statistics.median(times):.1f} ms, p95 {find_p95(times):.1f} ms of {len(times)}"
        )
    for name, limit in LIMITS.items():
        print(
            f"{name} {figures[name]:.3g} (limit {'>=' if name == 'session_rate_ratio' else '<='} {limit:g})"
        )
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
