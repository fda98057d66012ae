# runs in: tests
"""Serving many people: through the proxy beside without it and behind nginx, and beside plain applications.

One stack of two replicas. Crowds read it at the replicas themselves, behind nginx configured as Bokeh's
documentation does, and through Traefik and TLS, all at the same time: what else the machine does meanwhile
comes to all of them. Then one replica alone is compared with the same page as most applications are made
(bench/plain_app) under `bokeh serve` and under `panel serve`, and with an empty one (bench/empty_app) under
`bokeh serve` for what Bokeh itself takes of a session; sessions come and go in rounds, and come back from
another replica. At last there are four replicas, of which one goes and returns.
"""

import argparse
import json
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import requests
from docker.models.containers import Container
from parts.documents import replace_part
from visitors.changes import check_page, measure_change, measure_return
from visitors.crowds import Seen, crowding, longest_wait, read_waits, sum_up
from visitors.evenness import measure_evenness
from visitors.machine import timing_work
from visitors.sessions import (
    SETTLE_SECONDS,
    Server,
    close_all,
    measure_memory,
    measure_pages,
    measure_rate,
    open_session,
    processor_seconds,
    resident_bytes,
)
from visitors.sites import address_of, await_shown, nginx_site, plain_site, replica_site

from faults.load import Load, Window
from probes import eventually
from stack import Stack, running

STUDY = "cigarette-sales"
QUERY = f"study={STUDY}"
LIMITS = {
    "p95_vs_direct": 1.3,
    "p95_vs_nginx": 1.0,
    "stall_max_ms": 100.0,
    "gc_pause_max_ms": 30.0,
    "session_rate_vs_empty": 0.5,
    "session_rate_vs_plain": 3.0,
    "session_rate_vs_panel": 3.0,
    "cpu_per_change_vs_stock": 1.1,
    "memory_per_session_kib": 250.0,
    "returned_100_s": 3.0,
    "even_load_spread": 0.1,
    "even_open_spread": 0.2,
}
AT_LEAST = {"session_rate_vs_empty", "session_rate_vs_plain", "session_rate_vs_panel"}
RETURNED = 100
RATE_ROUNDS = 3
SERVICES = ("bokeh", "traefik")
CROWDS = {"direct": 2, "nginx": 2, "Traefik": 6}
"""Of the same size, each a process, at each site: Traefik carries three times what nginx does."""

LAG, PAUSE = "longitude_loop_lag_seconds", "longitude_collection_seconds"

UNUSED_SECONDS = 2
STAY_SECONDS = 50.0
"""Stay of readers where the spread of open pages is measured: two of 100 leave and come a second."""


@dataclass(frozen=True)
class Crowds:
    """Observations of the crowds.

    Attributes
    ----------
    seen
        By site.
    stall
        The longest stall of a replica's loop in ms.
    pause
        The longest garbage collection of a replica in ms.
    news
        How another version was told.
    busy
        How many processors each of the services was busy with.
    """

    seen: dict[str, Seen]
    stall: float
    pause: float
    news: dict[str, float]
    busy: dict[str, float]


def measure_crowds(stack: Stack, options: argparse.Namespace) -> Crowds:
    """Launch crowds that read at all sites at the same time."""
    addresses = [address_of(replica, stack) for replica in stack.containers("bokeh")]
    inside = f"http://localhost:{stack.https_port}"
    size = options.sessions // sum(CROWDS.values())

    def gather(site: str, *urls: str, origin: str = "") -> list[Load]:
        """Build the crowds of a site, in turn at each of its addresses."""
        return [
            Load(
                stack,
                size,
                0.0,
                every=options.every,
                query=QUERY,
                stay=options.sessions / options.arrivals,
                url=urls[number % len(urls)],
                origin=origin,
                name=f"{site}-{number}",
            )
            for number in range(CROWDS[site])
        ]

    with ExitStack() as held:
        nginx = held.enter_context(nginx_site(stack))
        direct = [f"http://{address}:5006" for address in addresses]
        crowds = {
            "direct": gather("direct", *direct, origin=inside),
            "nginx": gather("nginx", nginx, origin=inside),
            "Traefik": gather("Traefik", stack.url),
        }
        everybody = [crowd for each in crowds.values() for crowd in each]
        held.enter_context(crowding(*everybody))
        lags, pauses = read_waits(addresses, LAG), read_waits(addresses, PAUSE)
        since = time.monotonic()
        used = {service: sum_processor_seconds(stack, service) for service in SERVICES}
        with timing_work() as pace:
            time.sleep(options.seconds)
        until = time.monotonic()
        seen = {site: sum_up(Window(crowd, since, until) for crowd in each) for site, each in crowds.items()}
        busy = {
            name: (sum_processor_seconds(stack, name) - used[name]) / (until - since) for name in SERVICES
        }
        before = read_waits(addresses, LAG)
        stall = longest_wait(lags, before)
        pause = longest_wait(pauses, read_waits(addresses, PAUSE))
        print(f"meanwhile {pace}", flush=True)
        news = measure_news(stack, everybody, options.every)
        news["stall_ms"] = longest_wait(before, read_waits(addresses, LAG))
    return Crowds(seen, stall, pause, news, busy)


def sum_processor_seconds(stack: Stack, service: str) -> float:
    """Return how much processor time the containers of a service have had."""
    return sum(map(processor_seconds, stack.containers(service)))


def measure_news(stack: Stack, crowds: list[Load], every: float) -> dict[str, float]:
    """Serve another version to crowds; return seconds until all were told, and the slowest change."""
    since, clock = time.monotonic(), time.time()
    # In the container that runs: starting another one takes processors from those that are watched.
    stack.compose("exec", "-T", "model-worker", "model-worker", "rollback", STUDY)
    pointer = f"/traces/{STUDY}/current.json"
    changed = stack.compose("exec", "-T", "model-worker", "stat", "--format=%.9Y", pointer).stdout
    published = since + float(changed) - clock
    windows = [Window(crowd, since) for crowd in crowds]

    def is_told(window: Window) -> bool:
        # Those who have just come see the other version from the start.
        done = {line["session"] for what in ("told", "left", "live") for line in window.of(what)}
        return len(done) == window.load.sessions

    eventually(lambda: all(map(is_told, windows)), 60 + 3 * every, "all told")
    told = [line["since"] for window in windows for line in window.of("told")]
    seen = sum_up(windows)
    return {"told_s": max(told) - published, "slowest_ms": seen.slowest, "late_ms": seen.late}


def restart(replica: Container, stack: Stack) -> None:
    """Start a replica anew, and wait until it is ready."""
    replica.restart()
    replica.reload()
    ready = f"http://{address_of(replica, stack)}:5007/ready"
    eventually(lambda: requests.get(ready, timeout=5).ok, 60, "a replica started anew")


def forget_versions(stack: Stack) -> None:
    """Start replicas that hold the current version only, so that any other is read as a new one is."""
    for replica in stack.containers("bokeh"):
        restart(replica, stack)


def start_anew(stack: Stack) -> Server:
    """Start a replica that has had no session yet: those that ended leave room for others."""
    [replica, *_] = stack.containers("bokeh")
    restart(replica, stack)
    return replica_site(stack, STUDY, replica)


def measure_plateau(server: Server, rounds: int, sessions: int) -> float:
    """Return the KiB by which a round of sessions leaves the replica larger: a median slope."""
    sizes = []
    for _ in range(rounds):
        held = [open_session(server) for _ in range(sessions)]
        close_all(held)
        time.sleep(UNUSED_SECONDS + SETTLE_SECONDS)
        sizes.append(resident_bytes(server.container) / 1024)
    # The first rounds fill what the process keeps: arenas, caches of answers.
    kept = sizes[len(sizes) // 3 :]
    slopes = [(b - a) / (j - i) for i, a in enumerate(kept) for j, b in enumerate(kept) if j > i]
    print(f"resident MiB by round: {', '.join(f'{size / 1024:.1f}' for size in sizes)}", flush=True)
    return statistics.median(slopes)


def write_table(options: argparse.Namespace, seen: dict[str, Seen], rows: list[tuple[str, str, str]]) -> str:
    """Write what was measured as docs/capacity.md has it."""
    lines = [
        f"{options.sessions} open sessions, each with a change every {options.every:g} s, of which "
        f"{options.arrivals:g} a second leave and are replaced, at all",
        f"sites at the same time, for {options.seconds} s:",
        "",
        "| site | changes | median ms | p95 ms | slowest ms | visitors late at most, ms | errors |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {site} | {one.changes} | {one.p50:.1f} | {one.p95:.1f} | {one.slowest:.0f} | {one.late:.0f} "
        f"| {one.errors} |"
        for site, one in seen.items()
    ]
    lines += ["", "| | measured | to reach |", "|---|---|---|"]
    lines += [f"| {what} | {value} | {limit} |" for what, value, limit in rows]
    return "\n".join(lines) + "\n"


PEERS = {
    "plain": "the same page built anew under `bokeh serve`",
    "panel": "under `panel serve`",
    "empty": "an empty page",
}


def say_all(figures: dict[str, float]) -> str:
    """Write a figure of ours beside those of its peers."""
    peers = ", ".join(f"{words} {figures[name]:.1f}" for name, words in PEERS.items() if name in figures)
    return f"{figures['ours']:.1f} ({peers})"


def say_limit(name: str) -> str:
    """Write what a figure is to reach, if anything."""
    return f"{'≥' if name in AT_LEAST else '≤'} {LIMITS[name]:g}" if name in LIMITS else ""


def read_options() -> argparse.Namespace:
    """Read the command line; what it allows stays within five minutes of crowds of 500."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=300, choices=range(2, 501), metavar="2..500")
    parser.add_argument("--seconds", type=int, default=300, choices=range(5, 301), metavar="5..300")
    parser.add_argument("--every", type=float, default=5.0)
    parser.add_argument("--arrivals", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=30, choices=range(3, 31), metavar="3..30")
    parser.add_argument("--round-sessions", type=int, default=100, choices=range(5, 101), metavar="5..100")
    parser.add_argument("--rate-sessions", type=int, default=40, choices=range(5, 101), metavar="5..100")
    parser.add_argument("--changes", type=int, default=400, choices=range(20, 2001), metavar="20..2000")
    parser.add_argument("--returned", type=int, default=180, choices=range(10, 301), metavar="10..300")
    parser.add_argument("--write", type=Path, help="the file whose table is replaced, docs/capacity.md")
    return parser.parse_args()


def measure_rates(servers: dict[str, Server], sessions: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return sessions and pages a second of each server, medians of rounds that alternate between them."""
    rates: dict[str, list[float]] = {name: [] for name in servers}
    pages: dict[str, list[float]] = {name: [] for name in servers}
    for _ in range(RATE_ROUNDS):
        for name, server in servers.items():
            rates[name].append(measure_rate(server, sessions))
            pages[name].append(measure_pages(server, sessions // 4))
    for name, each in rates.items():
        print(f"sessions a second, {name}: {', '.join(f'{rate:.1f}' for rate in each)}", flush=True)
    return (
        {name: statistics.median(each) for name, each in rates.items()},
        {name: statistics.median(each) for name, each in pages.items()},
    )


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    options = read_options()
    # All readers come from one address here, which is to have all that a replica can do.
    variables = {"UNUSED_SESSION_SECONDS": str(UNUSED_SECONDS), "SEED": "1"}
    with running(Stack("longitude-bench-serve", replicas_wanted=2, variables=variables)) as stack:
        eventually(lambda: stack.published(STUDY), 180, f"{STUDY} published")
        first = stack.published(STUDY)
        stack.variables["SEED"] = "2"
        stack.in_worker("fit", STUDY)
        eventually(lambda: stack.published(STUDY) != first, 60, "a second version")
        forget_versions(stack)
        await_shown(stack, STUDY)
        crowds = measure_crowds(stack, options)
        ours = start_anew(stack)
        with (
            plain_site(stack, STUDY, "plain_app") as plain,
            plain_site(stack, STUDY, "plain_app", "panel") as panel,
            plain_site(stack, STUDY, "empty_app") as empty,
        ):
            memory = {
                name: measure_memory(server, options.round_sessions)
                for name, server in {"ours": ours, "plain": plain}.items()
            }
            for server in (ours, plain, panel):
                check_page(server)
            servers = {"ours": ours, "plain": plain, "panel": panel, "empty": empty}
            rate, pages = measure_rates(servers, options.rate_sessions)
            change = {
                name: measure_change(server, options.changes)
                for name, server in {"ours": ours, "plain": plain}.items()
            }
        slope = measure_plateau(ours, options.rounds, options.round_sessions)
        [_, other] = stack.containers("bokeh")
        returned = measure_return(ours, replica_site(stack, STUDY, other), RETURNED)
        few = options.sessions // 3
        new, opened = measure_evenness(stack, QUERY, options.sessions, few, STAY_SECONDS, options.returned)
    figures = {
        "p95_vs_direct": crowds.seen["Traefik"].p95 / crowds.seen["direct"].p95,
        "p95_vs_nginx": crowds.seen["Traefik"].p95 / crowds.seen["nginx"].p95,
        "stall_max_ms": crowds.stall,
        "gc_pause_max_ms": crowds.pause,
        "session_rate_vs_empty": rate["ours"] / rate["empty"],
        "session_rate_vs_plain": rate["ours"] / rate["plain"],
        "session_rate_vs_panel": rate["ours"] / rate["panel"],
        "cpu_per_change_vs_stock": change["ours"] / change["plain"],
        "memory_per_session_kib": memory["ours"] / 1024,
        f"returned_{RETURNED}_s": returned,
        "even_load_spread": new,
        "even_open_spread": opened,
        "rss_slope": slope,
    }
    rows = [(f"`{name}`", f"{value:.3f}", say_limit(name)) for name, value in figures.items()]
    rows += [
        (
            "processors busy: replicas, Traefik with three fifths of the readers",
            ", ".join(f"{crowds.busy[service]:.2f}" for service in SERVICES),
            "",
        ),
        ("such readers a processor", f"{options.sessions / sum(crowds.busy.values()):.0f}", ""),
        ("sessions a second, one replica", say_all(rate), ""),
        ("pages a second without their websockets, one replica", say_all(pages), ""),
        ("KiB an open session", say_all({name: size / 1024 for name, size in memory.items()}), ""),
        (
            "processor ms of a change",
            say_all({name: 1000 * seconds for name, seconds in change.items()}),
            "",
        ),
        (
            "another version: seconds from its publication until the last page was told",
            f"{crowds.news['told_s']:.2f}",
            "≤ 3",
        ),
        ("slowest change meanwhile, ms", f"{crowds.news['slowest_ms']:.0f}", "≤ 250"),
        ("the visitors' own process late meanwhile at most, ms", f"{crowds.news['late_ms']:.0f}", ""),
        ("longest stall meanwhile, ms", f"{crowds.news['stall_ms']:.0f}", ""),
    ]
    table = write_table(options, crowds.seen, rows)
    print(table)
    if options.write is not None:
        replace_part(options.write, "measured", table)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
