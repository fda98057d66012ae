"""Every kind of fault is documented and tested, and damaged files give none but those."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from small_study import REPOSITORY, StudyFolder, make_rows

from model_worker.design.study_input import read_input
from model_worker.new_study.role_inference import NamedRoles
from model_worker.new_study.study_folder import make_study
from model_worker.settings import Settings
from model_worker.study.faults import InvalidInput
from model_worker.study.periods import EXAMPLES

TESTS = Path(__file__).parent
DOCUMENTED = re.findall(r"^\| `(\w+)` \|", (REPOSITORY / "docs/study-faults.md").read_text(), re.MULTILINE)


def kinds_in_the_source() -> set[str]:
    source = "\n".join(path.read_text() for path in (TESTS.parent / "src/model_worker").rglob("*.py"))
    kinds = set(re.findall(r'kind=\(?\s*"(\w+)"', source)) - {"stable"}
    kinds |= set(re.findall(r'(?:_tell|_unreadable|self\._fault)\(\s*"(\w+)"', source))
    kinds |= {"no_outcome", "no_treatment", "one_unit", "one_period", "not_an_integer"}
    return kinds | {f"not_a_{form}" for form in EXAMPLES if form != "integer"}


def test_every_kind_is_documented_once_and_there_are_forty() -> None:
    assert len(DOCUMENTED) == len(set(DOCUMENTED))
    assert set(DOCUMENTED) == kinds_in_the_source()
    assert len(DOCUMENTED) >= 40


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_every_kind_has_a_test(kind: str) -> None:
    by_form = {f"not_a_{form}": 'f"not_a_{form}"' for form in EXAMPLES}
    tests = [path.read_text() for path in TESTS.glob("test_*.py") if path.name != Path(__file__).name]
    assert any(f'"{kind}"' in text or by_form.get(kind, "\0") in text for text in tests)


PIECES = [
    *(b",", b'"', b"\n", b"\r", b";", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"-", b"1e999", b"nan"),
    *(b"year", b",,", b"'", b" ", b"\xc3", b"\x1f\x8b", b"PAR1", b"2005Q1", b"="),
]
DAMAGE = st.lists(
    st.tuples(
        st.sampled_from(["insert", "delete", "replace", "repeat"]),
        st.integers(0, 10_000),
        st.one_of(
            st.sampled_from(PIECES),
            st.binary(max_size=6),
            st.text(max_size=4).map(lambda text: text.encode("utf-8", "ignore")),
        ),
        st.integers(1, 200),
    ),
    min_size=1,
    max_size=6,
)


def damaged(content: bytes, damage: list[tuple[str, int, bytes, int]]) -> bytes:
    for how, place, piece, length in damage:
        at = place % (len(content) + 1)
        middle = {"insert": piece + content[at:], "delete": content[at + length :]}
        middle["replace"] = piece + content[at + len(piece) :]
        middle["repeat"] = content[at : at + length] + content[at:]
        content = content[:at] + middle[how]
    return content


@given(DAMAGE, st.sampled_from(["data.csv", "study.toml", "init"]))
# `pytest --hypothesis-profile=damage` tries 10,000.
@effort(
    max_examples=max(300, effort().max_examples),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_damaged_file_is_accepted_or_refused_with_a_named_fault(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[str, int, bytes, int]], target: str
) -> None:
    studies = tmp_path_factory.getbasetemp() / "damaged"
    folder = StudyFolder(studies / "small", rows=make_rows(4, 5))
    folder.write()
    path = folder.path / ("data.csv" if target == "init" else target)
    path.write_bytes(damaged(path.read_bytes(), damage))
    settings = Settings(studies_dir=studies, traces_dir=studies / "traces")
    try:
        if target == "init":
            with TemporaryDirectory() as new:
                read_input(make_study(path, Path(new), "new", NamedRoles()).folder, settings)
        else:
            read_input(folder.path, settings)
    except InvalidInput as invalid:
        faults = invalid.faults
    else:
        return
    assert faults
    for fault in faults:
        assert fault.kind in DOCUMENTED
        assert fault.expected
        assert fault.found
        assert fault.advice
