"""The proxy dies: its port is back in seconds, and pages of any age go on where they were."""

import time

from faults.ages import loads_of_all_ages, say_age, watch_all
from faults.forms import Form
from faults.injection import crash
from faults.ledger import Ledger
from faults.load import Load
from faults.tab import WatchedTab, account_for_tab
from probes import eventually, get
from stack import Stack

PORT_SECONDS = 5.0
RESUMED_SECONDS = 15.0


def test_pages_of_any_age_resume_after_the_proxy_was_killed(
    stack: Stack, load: Load, tab: WatchedTab, ledger: Ledger, form: Form
) -> None:
    [proxy] = stack.containers("traefik")
    with loads_of_all_ages(load, form) as loads, ledger.account("kill Traefik") as account:
        tab.watch()
        with watch_all(loads) as windows:
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
                f"{len(window.outages())} sessions ({say_age(window)}), "
                f"the slowest {window.longest_outage():.1f} s, {len(window.wrong)} wrong",
                window.longest_outage() <= RESUMED_SECONDS and not window.wrong,
            )
        account_for_tab(account, tab)
        account.add("and answers afterwards", f"{tab.change_unit(30):.1f} s", True)
