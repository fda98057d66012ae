"""Collector of a file's faults: it counts all faults and keeps the first ones of each kind and column."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from tracestore.manifest import Fault

TOLD = 20
"""Number of faults per kind and column that are reported one by one; one more represents the rest."""


class FaultCollector:
    """Collector of faults in bounded memory, for files of any size."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str | None], list[Fault]] = {}
        self._further: dict[tuple[str, str | None], tuple[Fault, int]] = {}

    def __bool__(self) -> bool:
        return bool(self._told)

    def add(self, faults: Iterable[Fault]) -> None:
        """Add complete faults."""
        for fault in faults:
            self.count((fault.kind, fault.column), [fault], lambda fault: fault)

    def count[Place](
        self, sort: tuple[str, str | None], places: Sequence[Place], describe: Callable[[Place], Fault]
    ) -> None:
        """Count the faults of one kind and column at all places, and build only the faults to keep."""
        if not len(places):
            return
        told = self._told.setdefault(sort, [])
        room = TOLD - len(told)
        told += [describe(place) for place in places[:room]]
        others = max(0, len(places) - room)
        if others:
            first, number = self._further.get(sort) or (describe(places[room]), 0)
            self._further[sort] = first, number + others

    def faults(self) -> list[Fault]:
        """Return the faults sorted by line."""
        others = (first.model_copy(update={"times": number}) for first, number in self._further.values())
        found = [*chain.from_iterable(self._told.values()), *others]
        return sorted(found, key=lambda fault: fault.line or 0)
