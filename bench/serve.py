# runs in: tests
"""Serving many people: through the proxy beside without it and behind nginx, and beside a naive app.

One stack of two replicas. Crowds read it at the replicas themselves, behind nginx configured as Bokeh's
documentation does, and through Traefik and TLS, all at the same time: what else the machine does meanwhile
comes to all of them. Then one replica alone is compared with a naive app (bench/naive_app) for sessions a
second and memory, and with an empty one (bench/empty_app) for what Bokeh itself takes of a session; sessions
come and go in rounds. At last there are four replicas, of which one goes and returns.
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
from visitors.crowds import KINDS, Crowd, Seen, crowding, longest_lag, read_lags, sum_up
from visitors.evenness import measure_evenness
from visitors.machine import timing_work
from visitors.sessions import (
    SETTLE_SECONDS,
    Server,
    measure_memory,
    measure_pages,
    measure_rate,
    open_session,
    resident_bytes,
)
from visitors.sites import address_of, await_shown, bokeh_site, nginx_site, replica_site

from probes import eventually
from stack import Stack, running

STUDY = "cigarette-sales"
QUERY = f"study={STUDY}"
LIMITS = {
    "p95_vs_direct": 1.3,
    "p95_vs_nginx": 1.0,
    "stall_max_ms": 100.0,
    "session_rate_vs_original": 5.0,
    "memory_per_session_vs_original": 0.25,
    "even_load_spread": 0.1,
    "even_open_spread": 0.2,
}
AT_LEAST = {"session_rate_vs_original"}
MARKS = ("<!-- measured -->\n", "<!-- /measured -->\n")
SERVICES = ("bokeh", "traefik")
CROWDS = {"direct": 2, "nginx": 2, "Traefik": 6}
"""Of the same size, each a process, at each site: Traefik carries three times what nginx does."""

UNUSED_SECONDS = 2
STAY_SECONDS = 50.0
"""How long readers stay where the spread of open pages is measured: two of 100 leave and come a second."""


@dataclass(frozen=True)
class Crowds:
    """What the crowd saw.

    Attributes
    ----------
    seen
        By site.
    stall
        The longest stall of a replica's loop in ms.
    news
        How another version was told.
    busy
        How many processors each of the services was busy with.
    """

    seen: dict[str, Seen]
    stall: float
    news: dict[str, float]
    busy: dict[str, float]


def measure_crowds(stack: Stack, options: argparse.Namespace) -> Crowds:
    """Let crowds read at all sites at the same time."""
    addresses = [address_of(replica, stack) for replica in stack.containers("bokeh")]
    inside = f"http://localhost:{stack.https_port}"
    stay = options.sessions / options.arrivals
    size = options.sessions // sum(CROWDS.values())

    def gather(site: str, *urls: str, origin: str = "") -> list[Crowd]:
        """Have the crowds of a site, in turn at each of its addresses."""
        return [
            Crowd(urls[n % len(urls)], stack.ca, size, options.every, 0.0, QUERY, origin, stay)
            for n in range(CROWDS[site])
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
        lags, since = read_lags(addresses), time.monotonic()
        used = {service: read_processor_seconds(stack, service) for service in SERVICES}
        with timing_work() as pace:
            time.sleep(options.seconds)
        seen = {
            site: sum_up(line for one in each for line in one.since(since, *KINDS))
            for site, each in crowds.items()
        }
        lasted = time.monotonic() - since
        busy = {name: (read_processor_seconds(stack, name) - used[name]) / lasted for name in SERVICES}
        before = read_lags(addresses)
        stall = longest_lag(lags, before)
        print(f"meanwhile {pace}", flush=True)
        news = measure_news(stack, everybody, options.every)
        news["stall_ms"] = longest_lag(before, read_lags(addresses))
    return Crowds(seen, stall, news, busy)


def read_processor_seconds(stack: Stack, service: str) -> float:
    """Give how much processor time the containers of a service have had."""
    stats = [container.stats(stream=False, one_shot=True) for container in stack.containers(service)]
    return sum(one["cpu_stats"]["cpu_usage"]["total_usage"] for one in stats) / 1e9


def measure_news(stack: Stack, crowds: list[Crowd], every: float) -> dict[str, float]:
    """Serve another version to crowds; give seconds until all were told, and the slowest change."""
    since, clock = time.monotonic(), time.time()
    # In the container that runs: starting another one takes processors from those that are watched.
    stack.compose("exec", "-T", "model-worker", "model-worker", "rollback", STUDY)
    pointer = f"/traces/{STUDY}/current.json"
    changed = stack.compose("exec", "-T", "model-worker", "stat", "--format=%.9Y", pointer).stdout
    published = since + float(changed) - clock

    def is_told(crowd: Crowd) -> bool:
        # Those who have just come see the other version from the start.
        done = {line["session"] for line in crowd.since(since, "told", "left", "live")}
        return len(done) == crowd.sessions

    eventually(lambda: all(map(is_told, crowds)), 60 + 3 * every, "all told")
    told = [line["since"] for crowd in crowds for line in crowd.since(since, "told")]
    seen = sum_up(line for crowd in crowds for line in crowd.since(since, *KINDS))
    return {"told_s": max(told) - published, "slowest_ms": seen.slowest, "late_ms": seen.late}


def restart(replica: Container, stack: Stack) -> None:
    """Start a replica anew, and wait until it is ready."""
    replica.restart()
    replica.reload()
    ready = f"http://{address_of(replica, stack)}:5007/ready"
    eventually(lambda: requests.get(ready, timeout=5).ok, 60, "a replica started anew")


def forget_versions(stack: Stack) -> None:
    """Have replicas that hold the current version only, so that any other is read as a new one is."""
    for replica in stack.containers("bokeh"):
        restart(replica, stack)


def start_anew(stack: Stack) -> Server:
    """Give a replica that has had no session yet: those that ended leave room for others."""
    [replica, *_] = stack.containers("bokeh")
    restart(replica, stack)
    return replica_site(stack, STUDY, replica)


def measure_plateau(server: Server, rounds: int, sessions: int) -> float:
    """Give by how many KiB a round of sessions that come and go leaves the replica larger: a median slope."""
    sizes = []
    for _ in range(rounds):
        held = [open_session(server) for _ in range(sessions)]
        for connection in held:
            connection.close()
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


def say_limit(name: str) -> str:
    """Say what a figure is to reach, if anything."""
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
    parser.add_argument("--returned", type=int, default=180, choices=range(10, 301), metavar="10..300")
    parser.add_argument("--write", type=Path, help="the file whose table is replaced, docs/capacity.md")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and end with one line of JSON."""
    options = read_options()
    # All readers come from one address here, which is to have all that a replica can do.
    variables = {"UNUSED_SESSION_SECONDS": str(UNUSED_SECONDS), "SEED": "1", "ADDRESS_SHARE": "1"}
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
        with bokeh_site(stack, STUDY) as naive:
            servers = {"ours": ours, "naive": naive}
            count = options.rate_sessions
            memory = {name: measure_memory(server, count) for name, server in servers.items()}
            rate = {name: measure_rate(server, count) for name, server in servers.items()}
            pages = {name: measure_pages(server, count // 4) for name, server in servers.items()}
        with bokeh_site(stack, STUDY, "empty_app") as empty:
            rate["empty"] = measure_rate(empty, count)
            pages["empty"] = measure_pages(empty, count // 4)
        slope = measure_plateau(ours, options.rounds, options.round_sessions)
        few = options.sessions // 3
        new, opened = measure_evenness(stack, QUERY, options.sessions, few, STAY_SECONDS, options.returned)
    figures = {
        "p95_vs_direct": crowds.seen["Traefik"].p95 / crowds.seen["direct"].p95,
        "p95_vs_nginx": crowds.seen["Traefik"].p95 / crowds.seen["nginx"].p95,
        "stall_max_ms": crowds.stall,
        "session_rate_vs_original": rate["ours"] / rate["naive"],
        "memory_per_session_vs_original": memory["ours"] / memory["naive"],
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
        (
            "sessions a second, one replica",
            f"{rate['ours']:.1f} (naive {rate['naive']:.1f}, an empty page {rate['empty']:.1f})",
            "",
        ),
        (
            "pages a second without their websockets, one replica",
            f"{pages['ours']:.1f} (naive {pages['naive']:.1f}, an empty page {pages['empty']:.1f})",
            "",
        ),
        ("KiB an open session", f"{memory['ours'] / 1024:.0f} (naive {memory['naive'] / 1024:.0f})", ""),
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
        before, _, rest = options.write.read_text().partition(MARKS[0])
        options.write.write_text(before + MARKS[0] + table + MARKS[1] + rest.partition(MARKS[1])[2])
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
