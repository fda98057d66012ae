"""A study's data file: its bytes, read once, and what they are named by."""

import gzip
import hashlib
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import pyarrow as pa  # type: ignore[import-untyped]

from model_worker.faults import InvalidInput, suggest
from model_worker.study import FORMS, Study
from tracestore.manifest import Fault

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
        What its extension says it is; of a file in another encoding, which is read as UTF-8 and whole,
        ".csv".
    sha256
        Of the file's own bytes.
    delimiter
        What separates the cells of a CSV.
    """

    name: str
    form: Form
    content: bytes
    sha256: str
    delimiter: str = ","

    def open(self) -> BinaryIO:
        """Open the bytes, decompressed where they are compressed."""
        stream = io.BytesIO(self.content)
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if self.form == ".csv.gz" else stream

    def open_in_arrow(self) -> pa.NativeFile:
        """Open the bytes, decompressed where they are compressed, without copying them."""
        stream = pa.BufferReader(self.content)
        return pa.CompressedInputStream(stream, "gzip") if self.form == ".csv.gz" else stream


def read_data(study: Study) -> DataFile:
    """Read the file that study.toml names.

    Raises
    ------
    InvalidInput
        When there is no such file, it may not be read, or is not in the encoding that study.toml names.
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
    digest, read = hashlib.sha256(content).hexdigest(), study.toml.read
    if form != ".parquet" and read.encoding != "utf-8":
        form, content = ".csv", _in_utf_8(content, form, read.encoding, name)
    return DataFile(name, form, content, digest, read.delimiter)


def _in_utf_8(content: bytes, form: Form, encoding: str, name: str) -> bytes:
    try:
        text = gzip.decompress(content) if form == ".csv.gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput([not_gzip(name, error)]) from None
    try:
        return text.decode(encoding).encode()
    except UnicodeDecodeError as error:
        fault = Fault(
            kind="wrong_encoding",
            file=name,
            line=len(text[: error.start].decode(encoding, "ignore").splitlines()) or 1,
            expected=f"text in {encoding}, as study.toml says in read.encoding",
            found=f"byte 0x{text[error.start]:02x}",
            advice="Name the encoding that the file has, or save it as UTF-8.",
        )
    except UnicodeEncodeError:
        fault = Fault(
            kind="wrong_encoding",
            file=name,
            expected=f"text in {encoding}, as study.toml says in read.encoding",
            found="half of a character that takes two places",
            advice="Name the encoding that the file has, or save it as UTF-8.",
        )
    raise InvalidInput([fault])


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
