"""Lines of a text one by one, with a limit on their length."""

from collections.abc import Iterator
from typing import TextIO

LONGEST_LINE = 1_000_000
"""Limit in characters. A table without line breaks would otherwise be read as one row of endless columns."""


class LongLine(Exception):
    """Error for a line longer than `LONGEST_LINE`; `line` is the line's number."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"line {line} has more than {LONGEST_LINE:,} characters")


def read_lines(text: TextIO) -> Iterator[str]:
    """Yield the lines, each with its line end.

    Raises
    ------
    LongLine
        If a line exceeds the limit, before the rest of the line is read.
    """
    number = 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise LongLine(number)
        yield line
