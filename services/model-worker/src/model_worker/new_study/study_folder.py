"""Creation of a study folder from a data file: detection, role inference and writing."""

import re
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from model_worker.data.data_file import form_of
from model_worker.new_study.csv_sniffing import Sample, sniff
from model_worker.new_study.role_inference import InferredRoles, NamedRoles, infer_roles
from model_worker.new_study.template import write_template
from model_worker.study.definition import STUDY_FILE, is_study_name
from model_worker.study.faults import InvalidInput
from model_worker.study.plurals import count_of
from tracestore.manifest import Fault


@dataclass(frozen=True)
class NewStudy:
    """Newly written study folder, with the sample and the roles from which it was made."""

    folder: Path
    sample: Sample
    roles: InferredRoles

    def describe(self) -> list[str]:
        """Return lines that describe the sample, the proposed roles and the reasons."""
        inferred = self.roles
        chosen = [
            ("unit", inferred.unit),
            ("label", inferred.label),
            ("period", inferred.period),
            ("outcome", inferred.outcome),
            ("treatment", inferred.treatment),
        ]
        roles = [f"  {role:<10}{choice.column}: {choice.reason}" for role, choice in chosen if choice]
        return [f"{count_of(self.sample.rows, 'row')} looked at; {'; '.join(self.sample.reasons)}", *roles]


def make_study(source: Path, studies_dir: Path, name: str | None, asked: NamedRoles) -> NewStudy:
    """Write a study folder for a data file; the folder appears complete or not at all.

    Parameters
    ----------
    source
        Data file to copy into the folder.
    name
        Name of the study; derived from the file name if None.
    asked
        Columns that the caller assigns to roles.

    Raises
    ------
    InvalidInput
        If the file does not exist or cannot become a study, or if the name is taken or invalid.
    """
    title = _title(name or _stem(source))
    name = name or study_name(source)
    folder = studies_dir / name
    if not is_study_name(name):
        raise InvalidInput([_bad_name(name)])
    if folder.exists():
        raise InvalidInput([_taken(folder)])
    try:
        content = source.read_bytes()
    except OSError as error:
        raise InvalidInput([_no_file(source, error)]) from None
    sample = sniff(content, source.name)
    inferred = infer_roles(sample.columns, sample.read_options, asked, source.name)
    file = f"{name}{sample.form}"
    text = write_template(inferred, sample.read_options, file, title)
    # The folder is hidden until complete, because a watching worker could otherwise read half of it.
    hidden = Path(mkdtemp(prefix=".new-", dir=studies_dir))
    try:
        hidden.chmod(0o755)
        for path, written in ((hidden / file, content), (hidden / STUDY_FILE, text.encode())):
            path.write_bytes(written)
            path.chmod(0o644)
        hidden.rename(folder)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    return NewStudy(folder, sample, inferred)


def study_name(source: Path) -> str:
    """Return a study name derived from a file name, without accents and without letters of other scripts."""
    plain = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", _stem(source)))
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:64].strip("-") or "study"


def _stem(source: Path) -> str:
    form = form_of(source)
    return source.name[: -len(form)] if form else source.stem


def _title(text: str) -> str:
    words = " ".join(re.sub(r"[-_\x00-\x1f\x7f]+", " ", text).split())[:200]
    return words[:1].upper() + words[1:] or "Study"


def _bad_name(name: str) -> Fault:
    return Fault(
        kind="invalid_name",
        file=name or "-",
        value=name,
        expected="a name of lower case letters, digits and inner hyphens, at most 64",
        found=f'"{name}"',
        advice="Give another with --name.",
    )


def _taken(folder: Path) -> Fault:
    return Fault(
        kind="name_taken",
        file=folder.name,
        expected="a study of a new name",
        found=f"a folder {folder.name} in {folder.parent}",
        advice="Give another with --name, or remove the folder.",
    )


def _no_file(source: Path, error: OSError) -> Fault:
    return Fault(
        kind="missing_file",
        file=str(source),
        expected="a readable file",
        found=(error.strerror or str(error)).lower(),
        advice="Correct the path.",
    )
