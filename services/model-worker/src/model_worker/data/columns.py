"""Columns of a panel as they are read: text as integer codes, numbers as floats."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_worker.study.periods import PeriodForm, number_periods

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


FEW_TEXTS = 50_000
"""A number of units too large for the memory of a fit with 1,000 draws, the fewest that can pass."""

ROWS_A_TEXT = 20


def is_too_diverse(texts: int, rows: int) -> bool:
    """Return True if a text column's distinct texts, rather than its rows, dominate memory use."""
    return texts > FEW_TEXTS and texts * ROWS_A_TEXT > rows


@dataclass(frozen=True)
class Coded:
    """Text column without surrounding spaces.

    `names` lists the distinct texts, each of which occurs. `codes` (rows,) indexes into `names`.
    """

    names: Sequence[str]
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Iterable[str], codes: NDArray[np.int32]) -> "Coded":
        """Build a column from raw texts, some of which may not occur, and the code of each row."""
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
        """Return the text of a row."""
        return self.names[int(self.codes[row])]

    def given(self, rows: slice | Integers) -> NDArray[np.bool_]:
        """Return a mask of the rows with a text that is not empty."""
        empty = self.names.index("") if "" in self.names else -1
        found: NDArray[np.bool_] = self.codes[rows] != empty
        return found


@dataclass
class Coder:
    """Encoder that numbers texts in order of first appearance."""

    _known: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Distinct texts so far, in the order of their codes."""
        return list(self._known)

    def encode(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Return the code of each text."""
        known = self._known
        return np.fromiter((known.setdefault(text, len(known)) for text in texts), np.int32, len(texts))


class Filling:
    """Numeric column that is filled batch by batch, without the second copy that concatenation needs.

    Parameters
    ----------
    kind
        Type of the values.
    room
        Expected number of rows. The unfilled part takes no memory, because it is never touched.
    """

    def __init__(self, kind: type[np.generic], room: int) -> None:
        self._values: NDArray[Any] = np.empty(room, dtype=kind)
        self._filled = 0

    def extend(self, values: NDArray[Any]) -> None:
        """Append the values (rows,) of a batch."""
        end = self._filled + len(values)
        if end > len(self._values):
            self._values = np.concatenate(
                [self._values[: self._filled], np.empty(end, dtype=self._values.dtype)]
            )
        self._values[self._filled : end] = values
        self._filled = end

    def finish(self) -> NDArray[Any]:
        """Return the column without copying it."""
        return self._values[: self._filled]


@dataclass(frozen=True)
class Columns:
    """Columns that a study uses.

    `unit`, `period` and `label` are text. `numbers` has outcome, treatment and controls by column, each
    (rows,), with a placeholder number for each cell that is not a number.
    """

    unit: Coded
    period: Coded
    label: Coded
    numbers: Mapping[str, Floats]
    form: PeriodForm = "integer"

    @property
    def period_numbers(self) -> list[int | None]:
        """Number of each distinct period text; None for a text that is not a period."""
        return number_periods(self.period.names, self.form)


class Gathering:
    """Accumulator of the columns that a study uses; `room` is the expected number of rows."""

    def __init__(self, texts: Iterable[str], numbers: Iterable[str], room: int) -> None:
        self._coders = {column: Coder() for column in texts}
        self._codes = {column: Filling(np.int32, room) for column in self._coders}
        self._numbers = {column: Filling(np.float64, room) for column in numbers}

    @property
    def texts(self) -> list[str]:
        """Names of the text columns."""
        return list(self._coders)

    def count(self, column: str) -> int:
        """Return the number of distinct texts in a column so far."""
        return len(self._coders[column].names)

    def take_texts(
        self, column: str, texts: Sequence[str], codes: NDArray[np.int32] | slice = slice(None)
    ) -> None:
        """Append a batch of a text column: its texts, or distinct texts and each row's index into them."""
        self._codes[column].extend(self._coders[column].encode(texts)[codes])

    def take_numbers(self, column: str, values: Floats) -> None:
        """Append a batch of a numeric column."""
        if column in self._numbers:
            self._numbers[column].extend(values)

    def drop_numbers(self) -> None:
        """Discard the numbers, which are not needed once the file is rejected."""
        self._numbers = {}

    def finish(self, unit: str, period: str, label: str, form: PeriodForm) -> Columns:
        """Return the accumulated columns, given the names of the unit, period and label columns."""
        coded = {
            column: Coded(coder.names, self._codes[column].finish()) for column, coder in self._coders.items()
        }
        numbers = {column: values.finish() for column, values in self._numbers.items()}
        return Columns(coded[unit], coded[period], coded[label], numbers, form)


@dataclass(frozen=True)
class Rows:
    """Batch of rows as text without surrounding spaces, with the line on which each row begins."""

    lines: Sequence[int]
    cells: Mapping[str, Sequence[str]]
