"""Replicas that are told to stop, added, taken away and replaced: nobody who comes or stays notices."""

import collections
import time

import pytest

from faults.access import find_address, list_new_visits
from faults.forms import Form
from faults.injection import sessions_of
from faults.ledger import Account, Ledger
from faults.load import Load, Window, say_failures
from faults.tab import WatchedTab, account_for_tab
from probes import eventually
from stack import REPOSITORY, Stack

QUIET_SECONDS = 2.0
BACK_SECONDS = 5.0
SPREAD = 0.25
MANY = 8
GOING_AWAY = 1012


def account_for_moves(account: Account, window: Window) -> None:
    """Note what has to hold while replicas come and go in an orderly way."""
    account.add("no page load fails", say_failures(window), not window.failed)
    outages = [seconds for each in window.outages().values() for seconds in each]
    account.add(
        "every session that moves is live within 5 s with its state",
        f"{len(outages)} moves, the slowest {window.longest_outage():.1f} s, {len(window.wrong)} wrong",
        window.longest_outage() <= BACK_SECONDS and not window.wrong,
    )


def test_draining_replica_gets_no_new_session_and_its_sessions_move(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger
) -> None:
    victim = max(stack.containers("bokeh"), key=sessions_of)
    address = find_address(stack, victim)
    tab.watch()
    with ledger.account("SIGTERM: one replica drains") as account:
        with load.watch() as window:
            since = time.time()
            victim.stop(timeout=20)
            load.await_all_live(20)
        victim.reload()
        assert victim.attrs["State"]["ExitCode"] == 0, "it did not end by itself"
        visits = list_new_visits(stack, address, since)
        victim.start()
        late = [moment for moment in visits if moment > since + QUIET_SECONDS]
        last = max(visits, default=since) - since
        account.add(
            "after 2 s it gets no new session", f"{len(late)}; the last one came after {last:.1f} s", not late
        )
        account_for_moves(account, window)
        codes = collections.Counter(line["code"] for line in window.lost)
        account.add(
            "websockets are closed with a code that tells browsers to come back (1012)",
            ", ".join(f"{count} with {code}" for code, count in codes.items()),
            set(codes) == {GOING_AWAY},
        )
        account_for_tab(account, tab)
        account.add("and answers afterwards", f"{tab.change_unit(30):.1f} s", True)
    eventually(lambda: len(stack.containers("bokeh")) == stack.replicas_wanted, 10, "all replicas run")
    scale(stack, stack.replicas_wanted)


def scale(stack: Stack, replicas: int) -> None:
    """Bring the stack to so many replicas, as an operator does."""
    stack.compose(
        "up", "--detach", "--wait", "--no-build", "--no-recreate", "--scale", f"bokeh={replicas}", "bokeh"
    )
    assert len(stack.containers("bokeh")) == replicas


@pytest.mark.full
def test_scaling_to_one_to_eight_and_back_costs_nothing_and_spreads_new_sessions(
    stack: Stack, base: Load, ledger: Ledger
) -> None:
    sessions, rate = base.sessions, base.loads
    base.stop()
    with ledger.account("scale 1 -> 8 -> 1") as account:
        try:
            with Load(stack, 0, rate, name="scale-loads") as visitors, visitors.watch() as window:
                with Load(stack, sessions, 0, name="scale-before") as readers, readers.watch() as moves:
                    scale(stack, 1)
                    readers.await_all_live(40)
                    scale(stack, MANY)
                with (
                    Load(stack, sessions, 0, name="scale-at-eight") as readers,
                    readers.watch() as moves_back,
                ):
                    began = collections.Counter(
                        line["replica"]
                        for line in readers.lines
                        if line["what"] == "live" and line["tries"] == 1
                    )
                    scale(stack, 1)
                    readers.await_all_live(40)
        finally:
            scale(stack, stack.replicas_wanted)
        account.add("no page load fails", say_failures(window), not window.failed)
        even = sessions / MANY
        shares = sorted(began.get(one, 0) for one in began)
        off = max(abs(count - even) / even for count in (*shares, *[0] * (MANY - len(shares))))
        account.add(
            "at 8, new sessions are spread within 25 % of even",
            f"{', '.join(map(str, shares))} of {sessions}: {100 * off:.0f} % off at most",
            off <= SPREAD,
        )
        outages = [
            seconds for one in (moves, moves_back) for each in one.outages().values() for seconds in each
        ]
        account.add(
            "every session that moves is live again within 5 s with its state",
            f"{len(outages)} moves, the slowest {max(outages):.1f} s, "
            f"{len(moves.wrong) + len(moves_back.wrong)} wrong",
            max(outages) <= BACK_SECONDS and not moves.wrong and not moves_back.wrong,
        )


@pytest.mark.full
def test_rolling_update_is_noticed_by_nobody(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger
) -> None:
    before = {one.id for one in stack.containers("bokeh")}
    tab.watch()
    with ledger.account("make roll") as account:
        with load.watch() as window:
            stack.run("make", "roll")
            load.await_all_live(20)
        after = {one.id for one in stack.containers("bokeh")}
        assert len(after) == len(before)
        assert not after & before
        account_for_moves(account, window)
        account_for_tab(account, tab)


@pytest.mark.full
def test_rolling_update_to_a_bad_image_stops_and_all_old_replicas_serve(
    stack: Stack, load: Load, ledger: Ledger, form: Form
) -> None:
    before = {one.id for one in stack.containers("bokeh")}
    overlays = stack.overlays
    assert (REPOSITORY / "tests/faults/bad_image.yaml").exists()
    with ledger.account("a bad image in make roll") as account:
        with load.watch() as window:
            stack.overlays = (*overlays, "tests/faults/bad_image.yaml")
            try:
                rolled = stack.run("make", "roll", check=False)
            finally:
                stack.overlays = overlays
        after = {one.id for one in stack.containers("bokeh")}
        assert "the new replica did not become ready" in rolled.stdout, rolled.stdout
        account.add("the roll stops", f"exit code {rolled.returncode}", rolled.returncode != 0)
        account.add("all old replicas serve", f"{len(before & after)} of {len(before)}", after == before)
        account.add("no page load fails", say_failures(window), not window.failed)
        account.add("no session is closed", f"{len(window.lost)} closed", not window.lost)
