"""A study's data file: its bytes, read once, and what they are named by."""

import codecs
import gzip
import hashlib
import io
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import pyarrow as pa  # type: ignore[import-untyped]

from model_worker.study.definition import FORMS, Study
from model_worker.study.faults import InvalidInput, suggest
from tracestore.manifest import Fault

_BLOCK = 1 << 16
_LINE_END = re.compile("\r\n?|\n")

Form = Literal[".csv", ".csv.gz", ".parquet"]


@dataclass(frozen=True)
class DataFile:
    """A file as it was at one moment.

    Whatever reads the panel reads `content`, and `sha256` is of the same bytes: a file that changes
    meanwhile changes neither.

    Attributes
    ----------
    name
        The name faults are reported under.
    form
        What its extension says it is.
    sha256
        Of the file's own bytes.
    delimiter
        What separates the cells of a CSV.
    encoding
        Of a CSV's text, which is read as UTF-8 whatever it is.
    """

    name: str
    form: Form
    content: bytes
    sha256: str
    delimiter: str = ","
    encoding: str = "utf-8"

    def open(self) -> BinaryIO:
        """Open the text as UTF-8, decompressed where it is compressed; nothing is held as a whole.

        Reading it raises `InvalidInput` when the text is not in the encoding that was declared.
        """
        stream: BinaryIO = io.BytesIO(self.content)
        if self.form == ".csv.gz":
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=stream))
        if self.encoding == "utf-8":
            return stream
        return io.BufferedReader(_InUtf8(stream, self.encoding, self.name), _BLOCK)

    @cached_property
    def line_ends(self) -> int:
        """How many line ends the text has, CR and LF counted on their own: no fewer than rows."""
        if self.form == ".parquet":
            return 0
        count = 0
        with self.open() as stream:
            while block := stream.read(_BLOCK):
                count += block.count(b"\n") + block.count(b"\r")
        return count + 1

    def open_in_arrow(self) -> pa.NativeFile:
        """Open the text for Arrow, likewise."""
        if self.encoding != "utf-8":
            return pa.PythonFile(self.open(), mode="r")
        stream = pa.BufferReader(self.content)
        return pa.CompressedInputStream(stream, "gzip") if self.form == ".csv.gz" else stream


class _InUtf8(io.RawIOBase):
    """A stream of text in another encoding as UTF-8."""

    def __init__(self, source: BinaryIO, encoding: str, name: str) -> None:
        self._source, self._encoding, self._name = source, encoding, name
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._left = memoryview(b"")
        self._lines, self._last = 0, ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            block = self._source.read(_BLOCK)
            try:
                text = self._decoder.decode(block, final=not block)
                self._left = memoryview(text.encode())
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(self._encoding, "ignore")
                found = f"byte 0x{error.object[error.start]:02x}"
                raise InvalidInput([self._fault(found, before)]) from None
            except UnicodeEncodeError as error:
                found = "half of a character that takes two places"
                raise InvalidInput([self._fault(found, error.object[: error.start])]) from None
            self._lines += self._count_lines(text)
            self._last = text[-1:] or self._last
            if not block:
                break
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def _count_lines(self, text: str) -> int:
        # CR and LF are one line end, also where a block ends between them.
        return len(_LINE_END.findall(text)) - (self._last == "\r" and text.startswith("\n"))

    def _fault(self, found: str, before: str) -> Fault:
        return Fault(
            kind="wrong_encoding",
            file=self._name,
            line=self._lines + self._count_lines(before) + 1,
            expected=f"text in {self._encoding}, as study.toml says in read.encoding",
            found=found,
            advice="Name the encoding that the file has, or save it as UTF-8.",
        )


def read_data(study: Study) -> DataFile:
    """Read the file that study.toml names.

    Raises
    ------
    InvalidInput
        When there is no such file, or it may not be read.
    """
    name = study.data_name
    try:
        content = study.data_path.read_bytes()
    except OSError as error:
        others = sorted(path.name for path in study.folder.iterdir() if form_of(path) is not None)
        fault = Fault(
            kind="missing_file",
            file=name,
            expected="the file that study.toml names",
            found=(error.strerror or str(error)).lower(),
            advice=suggest(study.toml.file, others) if others else "Add the file, or correct `file`.",
        )
        raise InvalidInput([fault]) from None
    form = form_of(study.data_path)
    assert form is not None, "study.toml was checked to name one of the forms"
    read = study.toml.read
    encoding = "utf-8" if form == ".parquet" else read.encoding
    return DataFile(name, form, content, hashlib.sha256(content).hexdigest(), read.delimiter, encoding)


def not_gzip(name: str, error: Exception) -> Fault:
    """Make the fault of a file that is named as compressed and is not."""
    return Fault(
        kind="not_compressed",
        file=name,
        expected="a file that gzip has compressed, as its extension says",
        found=str(error) or type(error).__name__,
        advice="Compress it again, or name it .csv if it is not compressed.",
    )


def form_of(path: Path) -> Form | None:
    """Give the form that a file's extension names, in upper or lower case; none if it is another."""
    return cast(Form | None, next((form for form in FORMS if path.name.lower().endswith(form)), None))
