"""A study's data file: its bytes, read once, and what they are named by."""

import gzip
import hashlib
import io
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

    Whatever reads the panel reads `content`, and `sha256` is of `content`: a file that changes meanwhile
    changes neither.

    Attributes
    ----------
    name
        The name faults are reported under.
    form
        What its extension says it is.
    """

    name: str
    form: Form
    content: bytes
    sha256: str

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
        When there is no such file, or it may not be read.
    """
    name = f"{study.name}/{study.toml.file}"
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
    return DataFile(name, form, content, hashlib.sha256(content).hexdigest())


def form_of(path: Path) -> Form | None:
    """Give the form that a file's extension names, in upper or lower case; none if it is another."""
    return cast(Form | None, next((form for form in FORMS if path.name.lower().endswith(form)), None))
