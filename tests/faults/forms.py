"""How much is done: all faults under the full base load, or the short form that is part of every test run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """How much is done: `full` by `make test-faults`, `short` as part of `make test`."""

    full: bool
    sessions: int
    loads: float


FORMS = {"full": Form(True, 100, 5.0), "short": Form(False, 20, 2.0)}
