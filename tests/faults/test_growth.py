"""Studies, units and versions become many, and a replica starts, answers and stays within its memory."""

import pytest

from faults.growth import Growth, lone_replica, measure_studies, measure_units, measure_versions
from faults.ledger import Account, Ledger
from faults.load import Load

PROJECT = "longitude-faults-growth"
READY_SECONDS = 10.0
MIB = 400.0
PAGE_SECONDS = 1.0
LISTED_SECONDS = 0.3
STUDIES = (10, 100, 1000)
UNITS = (200, 5000)
VERSIONS = 10_000


def account_for_growth(account: Account, growth: Growth) -> None:
    """Note start, memory and pages of one size."""
    account.add("ready within 10 s of its start", f"{growth.ready_s:.1f} s", growth.ready_s <= READY_SECONDS)
    account.add(
        "under 400 MiB through a visit to each of the studies",
        f"{growth.rest_mib:.0f} MiB resident at rest, {growth.peak_mib:.0f} at most",
        growth.peak_mib < MIB,
    )
    account.add(
        "p95 of a page that is not in memory within 1 s, of the list within 0.3 s",
        f"{growth.answered_s:.2f} s, shown after {growth.shown_s:.2f} s; the list {growth.studies_s:.2f} s",
        growth.shown_s <= PAGE_SECONDS and growth.studies_s <= LISTED_SECONDS,
    )


@pytest.mark.full
def test_replica_carries_a_thousand_studies(base: Load, ledger: Ledger) -> None:
    base.stop()
    with lone_replica(PROJECT) as stack:
        for count in STUDIES:
            growth = measure_studies(stack, count)
            with ledger.account(f"{count:,} studies") as account:
                account_for_growth(account, growth)
                account.add(
                    "every page shows its figures",
                    growth.shown,
                    set(growth.views) == {"dashboard"},
                )


@pytest.mark.full
@pytest.mark.parametrize("count", UNITS)
def test_replica_carries_a_study_of_many_units(base: Load, ledger: Ledger, count: int) -> None:
    base.stop()
    with lone_replica(PROJECT) as stack, ledger.account(f"a study of {count:,} units") as account:
        growth = measure_units(stack, count)
        account_for_growth(account, growth)
        account.add(
            "its page shows its figures, or says that it is too large",
            growth.shown,
            set(growth.views) <= {"dashboard", "problem"},
        )


@pytest.mark.full
def test_replica_carries_thousands_of_versions(base: Load, ledger: Ledger) -> None:
    base.stop()
    fault = f"{VERSIONS:,} versions of a study, published one after another under an open page"
    with lone_replica(PROJECT) as stack, ledger.account(fault) as account:
        growth = measure_versions(stack, VERSIONS)
        account_for_growth(account, growth)
        account.add("its page shows its figures", growth.shown, set(growth.views) == {"dashboard"})
