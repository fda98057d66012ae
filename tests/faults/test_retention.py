"""Versions are removed while readers hold them, and nobody who reads, comes or comes back sees an error."""

import pytest

from faults.ages import find_fullest
from faults.injection import await_healthy, crash
from faults.ledger import Ledger
from faults.load import Load, say_failures
from probes import data_block, eventually, get
from stack import Stack

STUDY = "smoking-spending"
FIT_SECONDS = 120
READERS = 20
BACK_SECONDS = 5.0


@pytest.mark.full
def test_version_that_is_removed_under_its_readers_costs_no_page(
    stack: Stack, load: Load, ledger: Ledger
) -> None:
    first = stack.published(STUDY)
    assert first
    link = f"study={STUDY}&version={first['version']}"
    with (
        ledger.account("retention removes a version that readers hold") as account,
        Load(stack, READERS, 2, query=link, name="holders") as holders,
    ):
        with holders.watch() as held, load.watch() as others:
            # The version before the current one is never removed.
            for times in ("again", "once more"):
                fit_another(stack, times)
            eventually(
                lambda: first["version"] not in stack.in_worker("list").stdout, 30, "the version is removed"
            )
            held.await_loads(60)
        account.add("no page load fails", say_failures(held), not held.failed)
        account.add("no session is closed", f"{len(held.lost)} closed", not held.lost)
        account.add(
            "readers go on with the version they hold",
            f"{len(held.wrong)} wrong of {len(held.of('answer'))} answers",
            not held.wrong and bool(held.of("answer")),
        )
        account.add(
            "no error reaches any other page",
            f"{say_failures(others)} page loads failed, {len(others.lost)} websockets closed, "
            f"{len(others.wrong)} wrong of {len(others.of('answer'))} answers",
            not (others.failed or others.lost or others.wrong)
            and bool(others.loads)
            and bool(others.of("answer")),
        )
        with holders.watch() as after:
            victim = find_fullest(holders)
            crash(victim)
            await_healthy(victim)
            holders.await_all_live(30)
            after.await_loads(20)
        account.add(
            "a replica that never had it shows the one served now, and says so",
            f"{say_failures(after)} page loads failed",
            not after.failed and tells_of_the_change(stack, link),
        )
        account.add(
            "sessions that move there come back within 5 s",
            f"{len(after.outages())} sessions, the slowest {after.longest_outage():.1f} s",
            bool(after.outages()) and after.longest_outage() <= BACK_SECONDS,
        )


def fit_another(stack: Stack, times: str) -> None:
    """Have another version published, by a remark in the study's file."""
    before, study = stack.published(STUDY), stack.studies / STUDY / "study.toml"
    study.write_text(f"{study.read_text()}\n# fitted {times}\n")
    eventually(lambda: stack.published(STUDY) != before, FIT_SECONDS, "a newer version")


def tells_of_the_change(stack: Stack, link: str) -> bool:
    """Whether some replica answers a link to the version with another one, and says that it does."""
    notices = eventually(
        lambda: data_block(get(stack, f"/?{link}").text, "words")["notices"],
        20,
        "a replica without the version",
    )
    return "is not available" in notices
