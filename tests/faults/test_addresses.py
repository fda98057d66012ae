"""Paths, hosts and headers that try to lead elsewhere lead nowhere, and nothing of them comes back."""

import uuid
from dataclasses import dataclass

from faults.frames import ask
from faults.ledger import Ledger
from guarded import echo
from probes import eventually
from stack import Stack

TRAVERSALS = [
    "/../../etc/passwd?{mark}",
    "/static/../../etc/passwd?{mark}",
    "/static/../app/main.py?{mark}",
    "/%2e%2e/%2e%2e/etc/passwd?{mark}",
    "/static/%2e%2e/%2e%2e/app/main.py?{mark}",
    "/..%2f..%2fetc%2fpasswd?{mark}",
    "/%252e%252e%252fetc%252fpasswd?{mark}",
    "/static/..%5c..%5capp%5cmain.py?{mark}",
    "/..\\..\\etc\\passwd?{mark}",
    "/static/%c0%ae%c0%ae/app/main.py?{mark}",
    "/static/%00/{mark}",
    "/%00{mark}",
    "/.;/{mark}",
    "/%3b/{mark}",
    "/a%23{mark}",
    "/a%3f{mark}",
    "/a%25{mark}",
    "/etc/passwd?{mark}",
    "/app/main.py?{mark}",
    "/.env?{mark}",
    "/.git/config?{mark}",
    "/run/longitude/session-secret?{mark}",
    "/download/../../run/longitude/session-secret?{mark}",
    "/download/..%2f../x/trace.nc?{mark}",
    "/download/%2e%2e/0123456789ab/manifest.json?{mark}",
    "/data/../../etc/passwd.csv?{mark}",
    "/autoload.js?{mark}",
    "/metadata?{mark}",
    "/ready?{mark}",
    "/live?{mark}",
    "/api/rawdata?{mark}",
    "/dashboard/?{mark}",
    "/ping?{mark}",
]
"""Written as they are sent; each carries a mark that is looked for in what comes back and in the logs."""

HOSTS = [
    "evil-{mark}.example",
    "evil-{mark}.example:{port}",
    "localhost.evil-{mark}.example",
    "localhost@evil-{mark}.example",
    "localhost:{port}@evil-{mark}.example",
    "169.254.169.254",
    "bokeh-{mark}:5006",
    "[::1]",
    "",
    "localhost, evil-{mark}.example",
    "localhost/{mark}",
]

FORWARDED = [
    "X-Forwarded-Host: evil-{mark}.example",
    "X-Forwarded-For: 127.0.0.1, 10-{mark}",
    "X-Forwarded-Proto: http-{mark}",
    "X-Forwarded-Port: 1{mark}",
    "X-Forwarded-Server: evil-{mark}",
    "X-Forwarded-Uri: /{mark}",
    "X-Forwarded-Prefix: /{mark}",
    "X-Real-Ip: 10-{mark}",
]

ALIASES = [
    "X_Forwarded_Host: evil-{mark}.example",
    "X_Forwarded_For: 10-{mark}",
    "X_Real_Ip: 10-{mark}",
]

COOKIES = ["longitude={long}", "a={long}; {mark}=1", "; ".join(f"c{n}={{mark}}" for n in range(2500))]
LONG = "x" * 65_536


@dataclass(frozen=True)
class Trial:
    """A request that was tried: how it was answered, and where its mark was found again."""

    what: str
    status: int
    reflected: bool
    handled: bool


def replica_log(stack: Stack) -> str:
    """Give all that replicas and the file server have logged."""
    return stack.logs("bokeh", "static")


def count_requests(stack: Stack) -> int:
    """Count what replicas were asked for; they log all of it, and paths without what follows them."""
    return stack.logs("bokeh").count('"method": ')


def attempt(stack: Stack, target: str, headers: list[str], host: str | None = None) -> tuple[str, int, bytes]:
    """Send a request as it stands; give its mark, the status and what came back."""
    mark = uuid.uuid4().hex[:12]
    fill = {"mark": mark, "port": stack.https_port, "long": LONG}
    name = f"localhost:{stack.https_port}" if host is None else host.format(**fill)
    lines = [f"GET {target.format(**fill)} HTTP/1.1", f"Host: {name}", "Connection: close"]
    lines += [header.format(**fill) for header in headers]
    answer = ask(stack, "\r\n".join([*lines, "", ""]).encode())
    return mark, answer.status, answer.content


def try_all(stack: Stack, requests: list[tuple[str, str, list[str], str | None]]) -> list[Trial]:
    """Send all requests, then look once for all their marks."""
    done = [(what, *attempt(stack, target, headers, host)) for what, target, headers, host in requests]
    log = replica_log(stack)
    return [
        Trial(what, status, mark.encode() in content, mark in log) for what, mark, status, content in done
    ]


def account_for(ledger: Ledger, fault: str, trials: list[Trial], requests: int) -> None:
    """Note how all were answered, what of them was seen again, and how many requests replicas got."""
    not_refused = [
        f"{trial.what[:60]!r}: {trial.status}" for trial in trials if not 400 <= trial.status < 500
    ]
    reflected = [trial.what[:60] for trial in trials if trial.reflected]
    handled = [trial.what[:60] for trial in trials if trial.handled]
    with ledger.account(fault) as account:
        account.add(
            "4xx",
            f"{len(trials) - len(not_refused)} of {len(trials)} {not_refused or ''}".strip(),
            not not_refused,
        )
        account.add("nothing reflected", f"{len(reflected)} {reflected or ''}".strip(), not reflected)
        account.add(
            "nothing reaches a handler",
            f"{requests} requests at the replicas, {len(handled)} in the logs {handled or ''}".strip(),
            not handled and not requests,
        )


def refuse_all(
    stack: Stack, ledger: Ledger, fault: str, requests: list[tuple[str, str, list[str], str | None]]
) -> None:
    """Send what has to be refused before any replica sees it; nobody else asks for anything meanwhile."""
    before = count_requests(stack)
    trials = try_all(stack, requests)
    account_for(ledger, fault, trials, count_requests(stack) - before)


def test_paths_that_lead_elsewhere(quiet_stack: Stack, ledger: Ledger) -> None:
    paths = [(path, path, [], None) for path in TRAVERSALS]
    refuse_all(quiet_stack, ledger, "traversal and encoded paths", paths)


def test_hosts_that_are_not_ours(quiet_stack: Stack, ledger: Ledger) -> None:
    named = [(f"Host: {host}", "/?{mark}", [], host) for host in HOSTS]
    absolute = [
        ("absolute address of another host", "https://evil-{mark}.example/?{mark}", [], None),
        ("two hosts", "/?{mark}", ["Host: evil-{mark}.example"], None),
    ]
    refuse_all(quiet_stack, ledger, "spoofed Host", named + absolute)


def test_headers_that_say_where_a_request_came_from(stack: Stack, ledger: Ledger) -> None:
    """The proxy takes them away instead of refusing them, see docs/operations.md."""
    with echo(stack) as path:
        eventually(lambda: attempt(stack, path, [])[1] == 200, 15, "the stand-in is routed")
        echoed = [(header, *attempt(stack, path, [header])) for header in FORWARDED]
    reached = [header for header, mark, _, content in echoed if mark.encode() in content]
    assert all(b"Host" in content for _, _, status, content in echoed if status == 200), "not the stand-in"
    trials = try_all(stack, [(header, "/", [header], None) for header in FORWARDED])
    refused = sum(400 <= status < 500 for _, _, status, _ in echoed)
    seen = [trial.what for trial in trials if trial.reflected or trial.handled]
    with ledger.account("spoofed X-Forwarded-* and X-Real-Ip") as account:
        account.add(
            "4xx, or taken away before anything sees it",
            f"{refused} refused and {len(echoed) - refused - len(reached)} taken away, of {len(echoed)} "
            f"{reached or ''}".strip(),
            not reached,
        )
        account.add("nothing reflected, nothing in the logs", f"{len(seen)} {seen or ''}".strip(), not seen)


def test_headers_that_a_replica_could_take_for_those(quiet_stack: Stack, ledger: Ledger) -> None:
    headers = [(header, "/", [header], None) for header in ALIASES]
    refuse_all(quiet_stack, ledger, "spoofed X_Forwarded_* and X_Real_Ip", headers)


def test_cookies_of_64_kib(quiet_stack: Stack, ledger: Ledger) -> None:
    cookies = [(cookie, "/?{mark}", [f"Cookie: {cookie}"], None) for cookie in COOKIES]
    refuse_all(quiet_stack, ledger, "cookies of 64 KiB", cookies)
