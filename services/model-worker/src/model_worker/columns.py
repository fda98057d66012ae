"""The columns of a panel as they are read: text as codes, numbers as numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model_worker.periods import PeriodForm, number_periods

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Coded:
    """A column of text without surrounding spaces.

    `names` are its different texts, each of which occurs, and `codes` (rows,) points into them.
    """

    names: Sequence[str]
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Iterable[str], codes: NDArray[np.int32]) -> "Coded":
        """Code a column by its texts as they were written, of which some may not occur."""
        coder = Coder()
        stripped = coder.encode([text.strip() for text in texts])
        occurs = np.zeros(len(stripped), dtype=bool)
        occurs[codes] = True
        if len(coder.names) == len(stripped) and occurs.all():
            return cls(coder.names, codes)
        kept, places = np.unique(stripped[occurs], return_inverse=True)
        renamed = np.zeros(len(stripped), dtype=np.int32)
        renamed[occurs] = places
        return cls([coder.names[code] for code in kept], renamed[codes])

    def text(self, row: int) -> str:
        """Give the text of a row."""
        return self.names[int(self.codes[row])]

    def where(self, name: str) -> NDArray[np.bool_]:
        """Say of each row whether it has this text."""
        if name not in self.names:
            return np.zeros(len(self.codes), dtype=bool)
        found: NDArray[np.bool_] = self.codes == self.names.index(name)
        return found


@dataclass
class Coder:
    """Codes texts as they come."""

    _known: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The different texts so far, in the order of their codes."""
        return list(self._known)

    def encode(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Give the code of each text."""
        known = self._known
        return np.fromiter((known.setdefault(text, len(known)) for text in texts), np.int32, len(texts))


@dataclass(frozen=True)
class Columns:
    """The columns that a study uses.

    `unit`, `period` and `label` are text; `numbers` has outcome, treatment and controls by column, each
    (rows,), with a number in the place of what is none.
    """

    unit: Coded
    period: Coded
    label: Coded
    numbers: Mapping[str, Floats]
    form: PeriodForm = "integer"

    @property
    def period_numbers(self) -> list[int | None]:
        """The number of each of the period's texts; None where one is no period."""
        return number_periods(self.period.names, self.form)


@dataclass(frozen=True)
class Rows:
    """A run of rows as text without surrounding spaces, and the lines they begin on."""

    lines: Sequence[int]
    cells: Mapping[str, Sequence[str]]
