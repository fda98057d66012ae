"""Options for reading a data file: the table `[read]` of study.toml."""

import re
from functools import cached_property
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

Delimiter = Literal[",", ";", "\t", "|"]
Encoding = Literal[
    "utf-8",
    "utf-16",
    "latin-1",
    "iso-8859-2",
    "iso-8859-15",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "koi8-r",
    "mac-roman",
    "big5",
    "euc-kr",
    "gb18030",
    "shift_jis",
]
Thousands = Literal[",", ".", " ", "'", "\u2019", "_"]

_SPACES = "[ \u00a0\u2009\u202f]"


class ReadOptions(BaseModel):
    """`read`: what separates cells, how text is encoded, and how numbers are written.

    A space as the thousands separator stands for no-break and thin spaces too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    delimiter: Delimiter = ","
    encoding: Encoding = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Thousands | None = None

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError(
                f"a thousands separator other than the decimal mark {self.decimal!r}; name the one that"
                " the file has"
            )
        return self

    @property
    def is_plain(self) -> bool:
        """True if numbers have a decimal point and no thousands separator."""
        return self.decimal == "." and self.thousands is None

    @property
    def decimal_name(self) -> str:
        """Name of the decimal mark."""
        return "point" if self.decimal == "." else "comma"

    @property
    def example(self) -> str:
        """Example of a number in this format."""
        return f"1{self.thousands or ''}234{self.decimal}5" if self.thousands else f"1{self.decimal}25"

    def plain(self, cell: str) -> str | None:
        """Return a number rewritten with a decimal point and no thousands separator.

        Returns
        -------
        str or None
            ``1234.5`` for ``1.234,5``, for example; None if the cell is not a number in this format.
        """
        if not self._number.fullmatch(cell):
            return None
        if self.thousands is not None:
            cell = re.sub(self.mark, "", cell)
        return cell.replace(self.decimal, ".")

    @property
    def mark(self) -> str:
        """Regular expression that matches only the thousands separator."""
        return _SPACES if self.thousands == " " else re.escape(self.thousands or "")

    @property
    def pattern(self) -> str:
        """Regular expression of a number, valid in both Python and RE2."""
        point = re.escape(self.decimal)
        whole = rf"(?:\d{{1,3}}(?:{self.mark}\d{{3}})+|\d+)" if self.thousands else r"\d+"
        return rf"[+-]?(?:{whole}{point}?|(?:{whole})?{point}\d+)(?:[eE][+-]?\d+)?"

    @cached_property
    def _number(self) -> re.Pattern[str]:
        return re.compile(self.pattern)
