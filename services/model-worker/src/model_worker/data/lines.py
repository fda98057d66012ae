"""The lines of a text one by one, none of them longer than a table's could be."""

from collections.abc import Iterator
from typing import TextIO

LONGEST_LINE = 1_000_000
"""Characters. A table that lost its line breaks is one line, and would be taken for columns without end."""


class LongLine(Exception):
    """A line is longer than `LONGEST_LINE`; `line` is its number."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"line {line} has more than {LONGEST_LINE:,} characters")


def read_lines(text: TextIO) -> Iterator[str]:
    """Give the lines, each with its end.

    Raises
    ------
    LongLine
        Before more of a line than is allowed is held.
    """
    number = 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise LongLine(number)
        yield line
