"""A study's data file: its bytes, read once, and their hash."""

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
    """Snapshot of a data file.

    All readers of the panel read `content`, and `sha256` is the hash of the same bytes. Later changes of
    the file affect neither.

    Attributes
    ----------
    name
        Name of the file in faults.
    form
        Form of the file according to its extension.
    sha256
        SHA-256 of the file's own bytes.
    delimiter
        Separator between the cells of a CSV.
    encoding
        Encoding of a CSV's text, which `open` always converts to UTF-8.
    """

    name: str
    form: Form
    content: bytes
    sha256: str
    delimiter: str = ","
    encoding: str = "utf-8"

    def open(self) -> BinaryIO:
        """Return the text as a UTF-8 stream, decompressed if needed; it is never in memory as a whole.

        Reading the stream raises `InvalidInput` if the text is not in the declared encoding.
        """
        stream: BinaryIO = io.BytesIO(self.content)
        if self.form == ".csv.gz":
            stream = cast(BinaryIO, gzip.GzipFile(fileobj=stream))
        if self.encoding == "utf-8":
            return stream
        return io.BufferedReader(_InUtf8(stream, self.encoding, self.name), _BLOCK)

    @cached_property
    def line_ends(self) -> int:
        """Number of line ends, with CR and LF counted separately: no fewer than rows; 0 for Parquet."""
        if self.form == ".parquet":
            return 0
        count = 0
        with self.open() as stream:
            while block := stream.read(_BLOCK):
                count += block.count(b"\n") + block.count(b"\r")
        return count + 1

    def open_in_arrow(self) -> pa.NativeFile:
        """Return the same text as `open`, as an Arrow stream."""
        if self.encoding != "utf-8":
            return pa.PythonFile(self.open(), mode="r")
        stream = pa.BufferReader(self.content)
        return pa.CompressedInputStream(stream, "gzip") if self.form == ".csv.gz" else stream


class _InUtf8(io.RawIOBase):
    """Stream that converts text from another encoding to UTF-8."""

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
        # CR followed by LF is one line end, even if a block ends between them.
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
    """Read the data file that study.toml names.

    Raises
    ------
    InvalidInput
        If the file does not exist or cannot be read.
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
    """Return the fault of a file that is not gzip despite its extension."""
    return Fault(
        kind="not_compressed",
        file=name,
        expected="a file that gzip has compressed, as its extension says",
        found=str(error) or type(error).__name__,
        advice="Compress it again, or name it .csv if it is not compressed.",
    )


def form_of(path: Path) -> Form | None:
    """Return the form that a file's extension names, ignoring case, or None for other extensions."""
    return cast(Form | None, next((form for form in FORMS if path.name.lower().endswith(form)), None))
