"""Pages of one minute, six minutes and two hours: what holds of one of them has to hold of all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from docker.models.containers import Container

from faults.forms import Form
from faults.load import Load, Window
from probes import eventually

MINUTE = 60.0
NEW = "1 min"
AGES = {"6 min": 6 * MINUTE, "2 h": 120 * MINUTE}
AGED_SESSIONS = 8
HOW_AGED = "their tokens signed as of then, to expire so much earlier"


@contextmanager
def loads_of_all_ages(load: Load, form: Form) -> Iterator[dict[str, Load]]:
    """Have crowds whose pages are older beside the base load, which in the full form is a minute old."""
    with ExitStack() as until_end:
        aged = {
            said: until_end.enter_context(
                Load(load.stack, AGED_SESSIONS, 0, age=age, name=f"aged-{said.replace(' ', '-')}")
            )
            for said, age in AGES.items()
        }
        if form.full:
            eventually(lambda: load.seconds_open() >= MINUTE, 2 * MINUTE, "sessions that are a minute old")
        yield {NEW: load} | aged


@contextmanager
def watch_all(loads: dict[str, Load]) -> Iterator[dict[str, Window]]:
    """Watch several crowds for as long as the context lasts."""
    with ExitStack() as watching:
        yield {said: watching.enter_context(load.watch()) for said, load in loads.items()}


def say_age(window: Window) -> str:
    """Say how the pages of a crowd came to be as old as they were when it began to be watched."""
    if window.load.age:
        return HOW_AGED
    return f"opened {window.load.seconds_open(window.since):.0f} s before"


def find_fullest(load: Load) -> Container:
    """Find the replica that most sessions of a crowd are on."""
    [(fullest, _)] = Counter(load.places().values()).most_common(1)
    [found] = [one for one in load.stack.containers("bokeh") if one.short_id == fullest]
    return found
