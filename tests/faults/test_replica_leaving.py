"""Replicas that are told to stop, added, taken away and replaced: nobody who comes or stays notices."""

import collections
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests
from docker.models.containers import Container

from faults.access import (
    Leaving,
    find_address,
    find_cookie,
    list_events,
    list_new_visits,
    watching_who_leaves,
)
from faults.ages import find_fullest
from faults.injection import websockets_of
from faults.ledger import Account, Ledger
from faults.load import Load, Window, say_failures
from faults.saving import Saving
from faults.tab import WatchedTab, account_for_tab
from faults.visitor import QUERY
from probes import eventually, get, script_of, visit
from stack import REPOSITORY, Stack

QUIET_SECONDS = 2.0
BACK_SECONDS = 5.0
SPREAD = 0.25
MANY = 8
GOING_AWAY = 1012
FILE_SECONDS = 5.0
STUDY = "cigarette-sales"
SIP_BYTES = 8_192


@contextmanager
def fetching_a_file(stack: Stack) -> Iterator[list[str]]:
    """Fetch a page's script over and over on another thread; give what is wrong each time, if anything is."""
    script = script_of(visit(stack, QUERY).html)
    over = threading.Event()
    faults: list[str] = []

    def fetch() -> tuple[int, str | None, str]:
        answer = get(stack, script, timeout=FILE_SECONDS)
        return answer.status_code, answer.headers.get("Cache-Control"), answer.text

    def keep_fetching() -> None:
        while not over.wait(0.1):
            try:
                fetched = fetch()
                faults.append("" if fetched == first else f"another answer: {fetched}")
            except requests.RequestException as error:
                faults.append(repr(error))

    first = fetch()
    assert first[0] == 200
    thread = threading.Thread(target=keep_fetching)
    thread.start()
    try:
        yield faults
    finally:
        over.set()
        thread.join()


def account_for_moves(account: Account, window: Window) -> None:
    """Note what has to hold while replicas come and go in an orderly way."""
    account.add("no page load fails", say_failures(window), not window.failed)
    outages = [seconds for each in window.outages().values() for seconds in each]
    account.add(
        "every session that moves is live within 5 s with its state",
        f"{len(outages)} moves, the slowest {window.longest_outage():.1f} s, {len(window.wrong)} wrong",
        window.longest_outage() <= BACK_SECONDS and not window.wrong,
    )


def account_for_late_pages(account: Account, leaving: Leaving, expected: int) -> None:
    """Note that replicas which have been told to stop get no new session."""
    assert leaving.told == expected, f"{leaving.told} replicas were told to stop, and not {expected}"
    late = [seconds for seconds in leaving.last if seconds > QUIET_SECONDS]
    account.add(
        "no new session on a draining replica after 2 s",
        f"{len(late)} of {expected} replicas; "
        + (
            f"the last page came after {max(leaving.last):.1f} s"
            if leaving.last
            else "no page came after that"
        ),
        not late,
    )


def save_slowly(replica: Container, trace: Saving, path: str, since: float) -> int:
    """Read a trace over a slow line until its replica has nothing else to wait for, and then the rest.

    Returns
    -------
    int
        Bytes that were still to come when the replica had closed its websockets.
    """

    def has_closed_its_websockets() -> bool:
        trace.read(SIP_BYTES)
        return websockets_of(replica) == 0

    eventually(has_closed_its_websockets, 30, "the replica has closed its websockets")
    sent = [event for event in list_events(replica, since) if event.get("path") == path]
    assert not sent, "the trace was on the way as a whole, and the replica had nothing to wait for"
    outstanding = trace.outstanding
    trace.read_rest()
    return outstanding


def test_draining_replica_gets_no_new_session_its_sessions_move_and_what_it_sends_arrives(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger
) -> None:
    victim = find_fullest(load)
    address = find_address(stack, victim)
    version = stack.published(STUDY)
    assert version
    path = f"/download/{STUDY}/{version['version']}/trace.nc"
    tab.watch()
    with ledger.account("SIGTERM: one replica drains") as account:
        with (
            load.watch() as window,
            Saving(stack, path, find_cookie(stack, victim)) as trace,
            ThreadPoolExecutor(1) as thread,
        ):
            assert trace.replica == victim.short_id
            since = time.time()
            stopping = thread.submit(victim.stop)
            outstanding = save_slowly(victim, trace, path, since)
            stopping.result()
            load.await_all_live(20)
        victim.reload()
        assert victim.attrs["State"]["ExitCode"] == 0, "it did not end by itself"
        visits = list_new_visits(stack, address, since)
        messages = [event["message"] for event in list_events(victim, since)]
        victim.start()
        given_up = [message for message in messages if message.startswith("draining: gave up")]
        account.add(
            "a download under way is finished",
            f"{outstanding} of {trace.size} bytes were to come when all websockets were closed; "
            f"{trace.outstanding} never came, the SHA-256 is {'the' if trace.is_whole else 'not the'} trace's"
            + "".join(f"; {message}" for message in given_up),
            trace.is_whole and not given_up,
        )
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
            with (
                watching_who_leaves(stack) as leaving,
                Load(stack, 0, rate, name="scale-loads") as visitors,
                visitors.watch() as window,
            ):
                with Load(stack, sessions, 0, name="scale-before") as readers, readers.watch() as moves:
                    scale(stack, 1)
                    readers.await_all_live(40)
                    scale(stack, MANY)
                with (
                    Load(stack, sessions, 0, name="scale-at-eight") as readers,
                    readers.watch() as moves_back,
                ):
                    leaving.know_replicas()
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
        account_for_late_pages(account, leaving, stack.replicas_wanted - 1 + MANY - 1)
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
    def rolled() -> set[str]:
        return {str(one.id) for service in ("static", "bokeh") for one in stack.containers(service)}

    before = rolled()
    tab.watch()
    with ledger.account("make roll") as account:
        with watching_who_leaves(stack) as leaving, fetching_a_file(stack) as files, load.watch() as window:
            stack.run("make", "roll")
            load.await_all_live(20)
        after = rolled()
        assert len(after) == len(before)
        assert not after & before
        account_for_moves(account, window)
        account_for_late_pages(account, leaving, stack.replicas_wanted)
        failed = [fault for fault in files if fault]
        account.add(
            "no static file fails",
            f"{len(failed)} of {len(files)}" + (f" ({failed[0][:300]})" if failed else ""),
            len(files) > 0 and not failed,
        )
        account_for_tab(account, tab)


@pytest.mark.full
@pytest.mark.parametrize(
    ("service", "overlay", "fault"),
    [
        ("bokeh", "tests/faults/bad_image.yaml", "a bad image in make roll"),
        ("static", "tests/faults/bad_static.yaml", "a bad image of static in make roll"),
    ],
)
def test_rolling_update_to_a_bad_image_stops_and_all_old_containers_serve(
    stack: Stack, load: Load, ledger: Ledger, service: str, overlay: str, fault: str
) -> None:
    before = {one.id for one in stack.containers(service)}
    overlays = stack.overlays
    assert (REPOSITORY / overlay).exists()
    with ledger.account(fault) as account:
        with load.watch() as window:
            stack.overlays = (*overlays, overlay)
            try:
                rolled = stack.run("make", "roll", check=False)
            finally:
                stack.overlays = overlays
        after = {one.id for one in stack.containers(service)}
        assert f"the new container of {service} did not become ready" in rolled.stdout, rolled.stdout
        account.add("the roll stops", f"exit code {rolled.returncode}", rolled.returncode != 0)
        account.add("all old replicas serve", f"{len(before & after)} of {len(before)}", after == before)
        account.add("no page load fails", say_failures(window), not window.failed)
        account.add("no session is closed", f"{len(window.lost)} closed", not window.lost)
