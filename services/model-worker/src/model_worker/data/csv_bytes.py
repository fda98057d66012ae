"""What can be told of a CSV from its bytes alone: whether they are text, and how its quotes stand."""

import codecs
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_worker.data.data_file import DataFile, not_gzip
from model_worker.study.faults import InvalidInput
from tracestore.manifest import Fault

_BLOCK = 1 << 20
_QUOTE = ord('"')
_MARK = codecs.BOM_UTF8


@dataclass(frozen=True)
class Quotes:
    """Whether there are any, and whether each opens at a cell's start and closes at its end.

    Of quotes that stand anywhere else readers of CSV make different things.
    """

    there: bool
    regular: bool


def inspect(data: DataFile) -> Quotes:
    """Read all bytes once.

    Raises
    ------
    InvalidInput
        When they are not in the encoding that is declared, or not compressed as the file's extension says.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    scan = _QuoteScan(data.delimiter)
    lines = 0
    try:
        for block in _blocks(data):
            decoder.decode(block)
            lines += block.count(b"\n")
            scan.take(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # What a block before left undecoded is less than a character, so it has no line break.
        before = lines + error.object[: error.start].count(b"\n")
        raise InvalidInput([_not_text(data, before + 1, error.object[error.start])]) from None
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput([not_gzip(data.name, error)]) from None
    return scan.finish()


def _blocks(data: DataFile) -> Iterator[bytes]:
    with data.open() as stream:
        while block := stream.read(_BLOCK):
            yield block


class _QuoteScan:
    """Counts quotes: the odd ones open a cell, the even ones close it, and a doubled one does both."""

    def __init__(self, delimiter: str) -> None:
        self._ends_cell = np.frombuffer(b'\n\r"' + delimiter.encode(), dtype=np.uint8)
        self._held = b"\n"
        self._seen = 0
        self._regular = True
        self._first = True

    def take(self, block: bytes) -> None:
        if self._first:
            block, self._first = block.removeprefix(_MARK), False
        # One byte is held back, as what follows it is not known yet, and one for what is before it.
        window = self._held + block
        self._look(window)
        self._held = window[-2:]

    def finish(self) -> Quotes:
        self._look(self._held + b"\n")
        return Quotes(there=self._seen > 0, regular=self._regular and self._seen % 2 == 0)

    def _look(self, window: bytes) -> None:
        if _QUOTE not in window[1:-1]:
            return
        bytes_ = np.frombuffer(window, dtype=np.uint8)
        at = np.flatnonzero(bytes_[1:-1] == _QUOTE) + 1
        opens: NDArray[np.bool_] = (self._seen + np.arange(at.size)) % 2 == 0
        beside = bytes_[np.where(opens, at - 1, at + 1)]
        self._regular &= bool(np.isin(beside, self._ends_cell).all())
        self._seen += at.size


def _not_text(data: DataFile, line: int, byte: int) -> Fault:
    return Fault(
        kind="wrong_encoding",
        file=data.name,
        line=line,
        expected="text in UTF-8",
        found=f"byte 0x{byte:02x}",
        advice="Save the file as UTF-8 (in a spreadsheet: CSV UTF-8), or name its encoding in study.toml: the"
        ' table [read], as in encoding = "cp1252".',
    )
