"""Checks of a CSV's bytes: the text encoding and the positions of quotes."""

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
    """Quotes of a CSV: `there` if there are any, `regular` if each pair encloses a whole cell.

    CSV readers interpret quotes in other positions differently.
    """

    there: bool
    regular: bool


def inspect(data: DataFile) -> Quotes:
    """Return the quotes of a file, reading all bytes once.

    Raises
    ------
    InvalidInput
        If the bytes are not in the declared encoding, or not compressed as the file extension states.
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
        # The undecoded end of the previous block is less than a character, so it has no line break.
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
    """Quote counter: odd quotes open a cell, even quotes close it, and a doubled quote does both."""

    def __init__(self, delimiter: str) -> None:
        self._ends_cell = np.frombuffer(b'\n\r"' + delimiter.encode(), dtype=np.uint8)
        self._held = b"\n"
        self._seen = 0
        self._regular = True
        self._first = True

    def take(self, block: bytes) -> None:
        if self._first:
            block, self._first = block.removeprefix(_MARK), False
        # Two bytes carry over: the last one, as its successor is unknown, and that byte's predecessor.
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
