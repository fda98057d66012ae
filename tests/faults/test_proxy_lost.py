"""The proxy dies: its port is back in seconds, and pages of any age go on where they were."""

import time
from contextlib import ExitStack

from faults.forms import Form
from faults.injection import crash
from faults.ledger import Ledger
from faults.load import Load
from faults.tab import WatchedTab, account_for_tab
from probes import eventually, get
from stack import Stack

PORT_SECONDS = 5.0
RESUMED_SECONDS = 15.0
MINUTE = 60.0
AGES = {"6 min": 6 * MINUTE, "2 h": 120 * MINUTE}
AGED_SESSIONS = 5
HOW_AGED = "their tokens signed as of then, to expire so much earlier"


def test_pages_of_any_age_resume_after_the_proxy_was_killed(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger, form: Form
) -> None:
    [proxy] = stack.containers("traefik")
    with ExitStack() as until_end, ledger.account("kill Traefik") as account:
        loads = {
            said: until_end.enter_context(
                Load(stack, AGED_SESSIONS, 0, age=age, name=f"aged-{said.replace(' ', '-')}")
            )
            for said, age in AGES.items()
        }
        if form.full:
            eventually(lambda: load.seconds_open >= MINUTE, 2 * MINUTE, "sessions that are a minute old")
        how = dict.fromkeys(loads, HOW_AGED) | {"1 min": f"opened {load.seconds_open:.0f} s before"}
        loads = {"1 min": load} | loads
        tab.watch()
        with ExitStack() as watching:
            windows = {said: watching.enter_context(one.watch()) for said, one in loads.items()}
            killed = crash(proxy)
            eventually(lambda: get(stack, timeout=2).ok, 30, "the port answers")
            back = time.monotonic() - killed
            for one in loads.values():
                one.await_all_live(40)
        account.add("port back in 5 s", f"{back:.1f} s", back <= PORT_SECONDS)
        for said, window in windows.items():
            assert len(window.outages()) == window.load.sessions, "a websocket survived the proxy"
            account.add(
                f"sessions {said} old are live again within 15 s with their state",
                f"{len(window.outages())} sessions ({how[said]}), "
                f"the slowest {window.longest_outage():.1f} s, {len(window.wrong)} wrong",
                window.longest_outage() <= RESUMED_SECONDS and not window.wrong,
            )
        account_for_tab(account, tab)
        account.add("and answers afterwards", f"{tab.change_unit(30):.1f} s", True)
