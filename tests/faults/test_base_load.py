"""What the base load is without any fault, to compare the others with."""

from faults.forms import Form
from faults.ledger import Ledger
from faults.load import Load, say_failures


def test_base_load_is_carried_without_a_failure(load: Load, ledger: Ledger, form: Form) -> None:
    with ledger.account("none, for comparison") as account:
        with load.watch() as window:
            window.await_loads(150 if form.full else 20)
        account.add("no page load fails", say_failures(window), not window.failed)
        account.add(
            "page loads in time",
            f"median {window.quantile('load', 0.5):.2f} s, p99 {window.quantile('load', 0.99):.2f} s",
            window.slowest < 5,
        )
        account.add(
            "every change of a widget is answered, and rightly",
            f"{len(window.wrong)} wrong of {len(window.of('answer'))}, "
            f"median {window.quantile('answer', 0.5):.3f} s, p99 {window.quantile('answer', 0.99):.3f} s",
            not window.wrong and len(window.of("answer")) > load.sessions,
        )
        account.add("no websocket is closed", f"{len(window.lost)} closed", not window.lost)
