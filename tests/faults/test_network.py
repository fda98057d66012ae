"""The network between the proxy and one replica is slow, loses packets, or is cut."""

import time

import pytest

from faults.ages import find_fullest
from faults.forms import Form
from faults.knocking import knocking
from faults.ledger import Account, Ledger
from faults.load import Load, Window, say_failures
from faults.network import network_of
from faults.visitor import QUERY
from probes import eventually, visit
from stack import Stack

DELAY_MS = 200
LOSS_PERCENT = 5
DISTURBED_SECONDS = 20
CUT_SECONDS = 30
ROUTED_SECONDS = 3.0
HEALED_SECONDS = 10.0


def account_for_disturbance(account: Account, window: Window, how: str) -> None:
    """Note what has to hold while the network is bad, but there."""
    answers = window.of("answer")
    account.add("no websocket is closed", f"{len(window.lost)} closed ({how})", not window.lost)
    account.add("no page load fails", say_failures(window), not window.failed)
    account.add(
        "every change is answered, and rightly",
        f"{len(window.wrong)} wrong of {len(answers)}, the slowest {window.quantile('answer', 1):.1f} s",
        not window.wrong and bool(answers),
    )


@pytest.mark.full
@pytest.mark.parametrize("fault", [f"{DELAY_MS} ms of latency", f"{LOSS_PERCENT} % of packets lost"])
def test_slow_or_lossy_network_closes_nothing(stack: Stack, load: Load, ledger: Ledger, fault: str) -> None:
    victim = find_fullest(load)
    with (
        ledger.account(f"{fault} between the proxy and one replica") as account,
        network_of(victim) as network,
    ):
        disturbance = network.delay(DELAY_MS) if "latency" in fault else network.lose(LOSS_PERCENT)
        with load.watch() as window, disturbance as how:
            window.await_loads(int(DISTURBED_SECONDS * load.loads))
        account_for_disturbance(account, window, how)


def await_visitors(stack: Stack, replica: str) -> float:
    """Wait until a new visitor gets a page from a replica; give when, on the monotonic clock."""
    eventually(lambda: visit(stack, QUERY).replica == replica, 60, f"a new visitor on {replica}")
    return time.monotonic()


def test_partition_is_routed_around_and_heals(stack: Stack, load: Load, ledger: Ledger, form: Form) -> None:
    victim = find_fullest(load)
    seconds = CUT_SECONDS if form.full else CUT_SECONDS // 3
    with ledger.account(f"{seconds} s without any packet between the proxy and one replica") as account:
        with network_of(victim) as network, load.watch() as window:
            with knocking(stack, victim.short_id) as knocks, network.cut() as since:
                window.await_loads(int(seconds * load.loads))
            healed = time.monotonic()
            back = await_visitors(stack, victim.short_id) - healed
            load.await_all_live(60)
            live = time.monotonic() - healed
        routed = knocks.time_routed_around(since)
        account.add("no page load fails", say_failures(window), not window.failed)
        account.add(
            "within 3 s nobody is sent to it any more",
            f"the last request after {routed:.1f} s",
            routed <= ROUTED_SECONDS,
        )
        account.add("healed within 10 s: it gets visitors", f"{back:.1f} s", back <= HEALED_SECONDS)
        account.add("and every session is live", f"{live:.1f} s", live <= HEALED_SECONDS)
        account.add(
            "sessions come back with their state, and every change is answered rightly",
            f"{len(window.lost)} closed, live again after {window.longest_outage():.1f} s at most, "
            f"{len(window.wrong)} wrong",
            not window.wrong,
        )
