"""A replica dies, and nobody who was on another, or comes new, notices; those who were on it come back."""

import time
from dataclasses import dataclass

import docker
import pytest
from docker.models.containers import Container

from faults.ages import AGES, NEW, find_fullest, loads_of_all_ages, say_age, watch_all
from faults.forms import Form
from faults.injection import PYTHON, await_healthy, crash, run_inside, started_at
from faults.ledger import Account, Ledger
from faults.load import Line, Load, Window, say_failures
from faults.tab import WatchedTab, account_for_tab
from probes import eventually
from stack import Stack

BACK_SECONDS = 5.0


@dataclass(frozen=True)
class Absence:
    """A replica that was killed: since when, by when it was dead, and until when nobody was sent there."""

    replica: str
    since: float
    dead: float
    until: float

    def has(self, live: Line) -> bool:
        """Whether a session became live there meanwhile."""
        return live["replica"] == self.replica and self.since <= live["at"] <= self.until

    def explains(self, loss: Line) -> bool:
        """Whether a websocket was closed by it, and not on the same replica at another time."""
        return loss["replica"] == self.replica and self.since <= loss["at"] <= self.dead


def kill(victim: Container) -> Absence:
    """Kill a replica, and wait until the one in its place, which has the same name, is ready."""
    return Absence(str(victim.short_id), crash(victim), time.monotonic(), await_healthy(victim))


def account_for_losses(account: Account, window: Window, absences: list[Absence], tab: WatchedTab) -> None:
    """Note what has to hold when replicas die: what new visitors, their sessions and all others saw."""
    account.add("no page load fails", say_failures(window), not window.failed)
    strays = [loss for loss in window.lost if not any(absence.explains(loss) for absence in absences)]
    outages = [seconds for each in window.outages().values() for seconds in each]
    account.add(
        "every session of it is live again within 5 s",
        f"{len(outages)} sessions, the slowest {window.longest_outage():.1f} s",
        bool(outages) and max(outages) <= BACK_SECONDS,
    )
    account.add(
        "each with its state, and every change answered rightly",
        f"{len(window.wrong)} wrong, of {len(outages)} that came back and {len(window.of('answer'))} answers",
        not window.wrong,
    )
    account.add("sessions of the other replicas stay open", f"{len(strays)} closed", not strays)
    account_for_tab(account, tab)
    account.add("and answers afterwards", f"{tab.change_unit(30):.1f} s", True)


def account_for_age(account: Account, said: str, window: Window, absences: list[Absence]) -> None:
    """Note what has to hold of pages of an age that lost their replica: they go on at another one.

    They may come back to the one that was started in the place of theirs only once that is ready.
    """
    returns = [back for _, back in window.returns() if back is not None]
    early = [back for back in returns if any(absence.has(back) for absence in absences)]
    elsewhere = [back for loss, back in window.returns() if back and back["replica"] != loss["replica"]]
    account.add(
        f"pages {said} old come back on another replica within 5 s with their state",
        f"{len(elsewhere)} of {len(window.lost)} on another ({say_age(window)}), {len(early)} on one that "
        f"was not ready, the slowest {window.longest_outage():.1f} s, {len(window.wrong)} wrong",
        bool(elsewhere) and not early and window.longest_outage() <= BACK_SECONDS and not window.wrong,
    )


def test_replica_that_is_killed_costs_no_load_and_its_sessions_come_back(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger, form: Form
) -> None:
    kills = 10 if form.full else 2
    with (
        loads_of_all_ages(load, form) as loads,
        ledger.account(f"SIGKILL one replica, {kills} times") as account,
    ):
        aged = [loads[said] for said in AGES]
        absences = []
        tab.watch()
        with watch_all(loads) as windows:
            for turn in range(kills):
                # Where most pages of an age are, in turn, so that pages of each age lose theirs.
                absences.append(kill(find_fullest(aged[turn % len(aged)])))
                for one in loads.values():
                    one.await_all_live(20)
        account_for_losses(account, windows[NEW], absences, tab)
        for said, one in windows.items():
            account_for_age(account, said, one, absences)


@pytest.mark.full
def test_replica_out_of_memory_is_the_only_one_lost(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger
) -> None:
    victim = find_fullest(load)
    others = [one for one in stack.containers("bokeh") if one.id != victim.id]
    before = {one.short_id: started_at(one) for one in (victim, *others)}
    tab.watch()
    with ledger.account("a replica out of memory") as account:
        with load.watch() as window:
            since = time.time()
            # The kernel is to choose the server and not what takes the memory, as if the server had.
            run_inside(victim, "for p in /proc/[0-9]*; do echo 1000 > $p/oom_score_adj; done 2>/dev/null")
            eat = "eaten = [bytearray(10_000_000) for _ in iter(int, 1)]"
            eats = time.monotonic()
            victim.exec_run([*PYTHON, "-c", eat], detach=True)
            eventually(lambda: started_at(victim) != before[victim.short_id], 60, "the replica died")
            dead = time.monotonic()
            events = docker.from_env().events(
                since=int(since), until=int(time.time()) + 1, filters={"container": victim.id}, decode=True
            )
            actions = {event["Action"] for event in events}
            assert "oom" in actions, f"it did not die of memory: {actions}"
            load.await_all_live(20)
            absence = Absence(str(victim.short_id), eats, dead, await_healthy(victim))
        restarted = [one.name for one in others if started_at(one) != before[one.short_id]]
        account.add(
            "only that replica is lost", f"{len(restarted)} of the {len(others)} others", not restarted
        )
        account_for_losses(account, window, [absence], tab)
