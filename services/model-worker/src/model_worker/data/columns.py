"""The columns of a panel as they are read: text as codes, numbers as numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_worker.study.periods import PeriodForm, number_periods

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


FEW_TEXTS = 50_000
"""Units that no fit of 1,000 draws, the fewest that can pass, would have room for."""

ROWS_A_TEXT = 20


def is_too_diverse(texts: int, rows: int) -> bool:
    """Say whether a column of text has so many different ones that they, and not the rows, take memory."""
    return texts > FEW_TEXTS and texts * ROWS_A_TEXT > rows


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

    def given(self, rows: slice | Integers) -> NDArray[np.bool_]:
        """Say of each of the rows whether its text is not empty."""
        empty = self.names.index("") if "" in self.names else -1
        found: NDArray[np.bool_] = self.codes[rows] != empty
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


class Filling:
    """A column of numbers that is filled run by run, and never there twice, as joining its runs would need.

    Parameters
    ----------
    kind
        The type of its values.
    room
        How many rows to expect; what is not filled takes no memory, as it is never touched.
    """

    def __init__(self, kind: type[np.generic], room: int) -> None:
        self._values: NDArray[Any] = np.empty(room, dtype=kind)
        self._filled = 0

    def extend(self, values: NDArray[Any]) -> None:
        """Add the values of a run (rows,)."""
        end = self._filled + len(values)
        if end > len(self._values):
            self._values = np.concatenate(
                [self._values[: self._filled], np.empty(end, dtype=self._values.dtype)]
            )
        self._values[self._filled : end] = values
        self._filled = end

    def finish(self) -> NDArray[Any]:
        """Give the column, without copying it."""
        return self._values[: self._filled]


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


class Gathering:
    """Takes the columns that a study uses run by run; `room` is how many rows to expect."""

    def __init__(self, texts: Iterable[str], numbers: Iterable[str], room: int) -> None:
        self._coders = {column: Coder() for column in texts}
        self._codes = {column: Filling(np.int32, room) for column in self._coders}
        self._numbers = {column: Filling(np.float64, room) for column in numbers}

    @property
    def texts(self) -> list[str]:
        """The columns of text."""
        return list(self._coders)

    def count(self, column: str) -> int:
        """Say how many different texts a column has so far."""
        return len(self._coders[column].names)

    def take_texts(
        self, column: str, texts: Sequence[str], codes: NDArray[np.int32] | slice = slice(None)
    ) -> None:
        """Take a run of a column of text: its texts, or different ones with each row's place among them."""
        self._codes[column].extend(self._coders[column].encode(texts)[codes])

    def take_numbers(self, column: str, values: Floats) -> None:
        """Take a run of a column of numbers."""
        if column in self._numbers:
            self._numbers[column].extend(values)

    def drop_numbers(self) -> None:
        """Let go of the numbers, which nothing needs of a file that is refused."""
        self._numbers = {}

    def finish(self, unit: str, period: str, label: str, form: PeriodForm) -> Columns:
        """Give all that was taken, by the names of the columns of text."""
        coded = {
            column: Coded(coder.names, self._codes[column].finish()) for column, coder in self._coders.items()
        }
        numbers = {column: values.finish() for column, values in self._numbers.items()}
        return Columns(coded[unit], coded[period], coded[label], numbers, form)


@dataclass(frozen=True)
class Rows:
    """A run of rows as text without surrounding spaces, and the lines they begin on."""

    lines: Sequence[int]
    cells: Mapping[str, Sequence[str]]
