"""A data file becomes a study: roles proposed with reasons, study.toml written whole, checked."""

import gzip
import io
import json
import stat
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from small_study import REPOSITORY, StudyFolder, make_rows
from test_cli import run

from model_worker.design.study_input import read_input
from model_worker.new_study.role_inference import NamedRoles
from model_worker.new_study.study_folder import make_study, study_name
from model_worker.settings import Settings
from model_worker.study.faults import InvalidInput
from model_worker.study.schema import ModelTable, PriorTable


def columns_of(folder: Path) -> dict[str, str | None]:
    toml = tomllib.loads((folder / "study.toml").read_text())
    columns = {role: toml[role]["column"] for role in ("unit", "period", "outcome", "treatment")}
    return columns | {"label": toml["unit"].get("label")}


def refused(
    source: Path,
    settings: Settings,
    asked: NamedRoles = NamedRoles(),  # noqa: B008
    name: str | None = None,
) -> list[str]:
    with pytest.raises(InvalidInput) as raised:
        make_study(source, settings.studies_dir, name, asked)
    assert not list(settings.studies_dir.iterdir())
    for fault in raised.value.faults:
        assert fault.expected
        assert fault.found
        assert fault.advice.endswith((".", "?"))
    return [fault.kind for fault in raised.value.faults]


@pytest.mark.parametrize("name", ["cigarette-sales", "smoking-spending"])
def test_the_data_that_ship_are_understood_without_help(name: str, settings: Settings) -> None:
    made = make_study(REPOSITORY / "studies" / name / f"{name}.csv", settings.studies_dir, None, NamedRoles())
    assert columns_of(made.folder) == columns_of(REPOSITORY / "studies" / name)
    read_input(made.folder, settings)
    assert all(": " in line for line in made.describe()[1:])


@pytest.mark.parametrize("form", ["csv", "semicolons", "tabs", "utf-16", "gzip", "parquet"])
def test_a_study_of_any_form_has_no_faults(form: str, tmp_path: Path, settings: Settings) -> None:
    rows = make_rows()
    text = "\n".join(rows) + "\n"
    parquet = io.BytesIO()
    pa.parquet.write_table(pa.csv.read_csv(io.BytesIO(text.encode())), parquet)
    content = {
        "csv": text.encode(),
        "semicolons": text.replace(",", ";").replace(".", ",").replace("Unit 1", "Zürich").encode("cp1252"),
        "tabs": text.replace(",", "\t").encode(),
        "utf-16": text.encode("utf-16"),
        "gzip": gzip.compress(text.encode()),
        "parquet": parquet.getvalue(),
    }[form]
    (tmp_path / "My data (1).txt").write_bytes(content)
    made = make_study(tmp_path / "My data (1).txt", settings.studies_dir, None, NamedRoles())
    assert made.folder.name == "my-data-1"
    given = read_input(made.folder, settings)
    assert (len(given.panel.units), len(given.panel.periods), len(given.panel.outcome)) == (6, 8, 48)
    if form == "semicolons":
        assert "Zürich" in [unit.label for unit in given.panel.units]


@pytest.mark.parametrize(
    ("write", "form", "noun"),
    [
        (lambda t: f"{2000 + t // 4}Q{t % 4 + 1}", "quarter", "quarter"),
        (lambda t: f"2000-{t + 1:02d}", "month", "month"),
        (lambda t: f"2000-01-{t + 1:02d}", "date", "day"),
    ],
)
def test_periods_of_a_calendar_are_written_into_study_toml(
    write: object, form: str, noun: str, tmp_path: Path, settings: Settings
) -> None:
    assert callable(write)
    header, *rows = make_rows()
    cells = [row.split(",") for row in rows]
    text = [",".join([*row[:2], write(int(row[2]) - 2000), *row[3:]]) for row in cells]
    (tmp_path / "data.csv").write_text("\n".join([header.replace("year", "when"), *text]))
    made = make_study(tmp_path / "data.csv", settings.studies_dir, None, NamedRoles())
    period = tomllib.loads((made.folder / "study.toml").read_text())["period"]
    assert period == {"column": "when", "noun": noun, "form": form}
    assert len(read_input(made.folder, settings).panel.periods) == 8


def test_roles_that_are_named_are_taken(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "data.csv").write_text("\n".join(make_rows()))
    asked = NamedRoles(outcome="tax", treatment="sales", controls=("income",))
    made = make_study(tmp_path / "data.csv", settings.studies_dir, "other", asked)
    toml = tomllib.loads((made.folder / "study.toml").read_text())
    assert (toml["outcome"]["column"], toml["treatment"]["column"]) == ("tax", "sales")
    assert toml["controls"] == ["income"]
    assert "as asked" in made.roles.outcome.reason
    read_input(made.folder, settings)


def test_a_treatment_of_zero_and_one_is_changed_by_one(tmp_path: Path, settings: Settings) -> None:
    header, *rows = make_rows()
    rows = [",".join([*row.split(",")[:4], str(place * 7 % 3 % 2), "1"]) for place, row in enumerate(rows)]
    (tmp_path / "data.csv").write_text("\n".join([header.replace("tax", "treated"), *rows]))
    made = make_study(tmp_path / "data.csv", settings.studies_dir, None, NamedRoles())
    toml = tomllib.loads((made.folder / "study.toml").read_text())
    assert toml["treatment"]["transform"] == "identity"
    assert toml["what_if"]["change"] == {"kind": "units", "default": 1, "min": -1, "max": 1}
    read_input(made.folder, settings)


def test_every_option_that_is_commented_is_one_that_study_toml_knows(
    tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "data.csv").write_text("\n".join(make_rows()))
    made = make_study(tmp_path / "data.csv", settings.studies_dir, None, NamedRoles())
    path = made.folder / "study.toml"
    head, model = path.read_text().split("# [model]\n")
    options = [line.removeprefix("# ") for line in model.splitlines()]
    assert [option.split()[0].split(".")[0] for option in options] == list(ModelTable.model_fields)
    text = head.replace("# negligible", "negligible").replace("# source", "source")
    path.write_text(
        text.replace('# encoding = "cp1252"', '[read]\nencoding = "cp1252"')
        + "\n[model]\n"
        + "\n".join(options)
    )
    given = read_input(made.folder, settings)
    assert given.study.toml.source
    assert given.study.toml.what_if.negligible == 1
    assert given.study.toml.model == ModelTable(prior=PriorTable(effect=5))


WIDE = "country,2000,2001,2002\nA,1,2,3\nB,2,3,5\n"


@pytest.mark.parametrize(
    ("content", "asked", "kind"),
    [
        (b"", NamedRoles(), "not_a_table"),
        (b"a\n1\n", NamedRoles(), "not_a_table"),
        (b"U0,2000,1,2," * 100_000, NamedRoles(), "long_line"),
        (b"a,b\n", NamedRoles(), "empty_file"),
        (b"a,a\n1,2\n", NamedRoles(), "repeated_column"),
        (b"\x1f\x8bxx", NamedRoles(), "not_compressed"),
        (b"PAR1xxxx", NamedRoles(), "not_parquet"),
        (WIDE.encode(), NamedRoles(), "wide_layout"),
        (WIDE.replace("200", "sales_200").encode(), NamedRoles(), "wide_layout"),
        (b"who,what\na,b\nc,d\n", NamedRoles(), "no_period"),
        (b"u,year,y\na,2000,1\na,2000,2\nb,2001,3\nb,2001,4\n", NamedRoles(), "no_unit"),
        (b"u,year,y\na,2000,1\na,2001,2\nb,2000,3\nb,2001,4\n", NamedRoles(), "no_outcome"),
        (b"u,year,y\na,2000,1\na,2001,2\nb,2000,3\nb,2001,4\n", NamedRoles(outcome="y"), "no_treatment"),
        (
            b"u,year,y,x\na,2000,p,1\na,2001,q,2\nb,2000,r,3\nb,2001,s,4\n",
            NamedRoles(outcome="y"),
            "no_outcome",
        ),
        (
            b"u,year,y,x\na,2000,1,1\na,2001,2,1\nb,2000,3,1\nb,2001,4,2\n",
            NamedRoles(unit="v"),
            "missing_column",
        ),
    ],
)  # fmt: skip
def test_what_no_study_can_be_made_of_is_refused_with_a_named_fault(
    content: bytes, asked: NamedRoles, kind: str, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "data.csv").write_bytes(content)
    assert refused(tmp_path / "data.csv", settings, asked) == [kind]


def test_a_file_or_name_that_cannot_be_is_refused(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "data.csv").write_text("\n".join(make_rows()))
    assert refused(tmp_path / "none.csv", settings) == ["missing_file"]
    assert refused(tmp_path / "data.csv", settings, name="../x") == ["invalid_name"]
    make_study(tmp_path / "data.csv", settings.studies_dir, None, NamedRoles())
    with pytest.raises(InvalidInput) as raised:
        make_study(tmp_path / "data.csv", settings.studies_dir, None, NamedRoles())
    assert [fault.kind for fault in raised.value.faults] == ["name_taken"]


def test_what_is_written_can_be_read_by_the_worker_s_user(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "data.csv").write_text("\n".join(make_rows()))
    made = make_study(tmp_path / "data.csv", settings.studies_dir, None, NamedRoles())
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in made.folder.iterdir()} == {0o644}
    assert [path.name for path in settings.studies_dir.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("A b.csv", "a-b"),
        ("Ünits.csv.gz", "units"),
        ("日本.csv", "study"),
        ("ß.csv", "study"),
        ("x.tsv", "x"),
    ],
)
def test_a_study_is_named_by_its_file(file: str, name: str) -> None:
    assert study_name(Path(file)) == name


@pytest.mark.parametrize(
    ("file", "name", "title"),
    [
        ("Umsätze_2020.csv", None, "Umsätze 2020"),
        ("日本.csv", None, "日本"),
        ("x.csv", "tax-rates", "Tax rates"),
    ],
)
def test_the_title_is_that_of_the_file_in_any_script_unless_the_study_is_named(
    file: str, name: str | None, title: str, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / file).write_text("\n".join(make_rows()))
    made = make_study(tmp_path / file, settings.studies_dir, name, NamedRoles())
    assert tomllib.loads((made.folder / "study.toml").read_text())["title"] == title


def test_the_command_says_what_it_proposes_and_why_and_checks_it(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "data.csv").write_text("\n".join(make_rows()))
    done = run("init", str(tmp_path / "data.csv"), "--control", "income", settings=settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  treatment tax: its name is that of something one sets" in done.stdout
    assert "data: no faults; 48 rows, 6 units, 8 periods" in done.stdout
    again = run("init", str(tmp_path / "data.csv"), settings=settings)
    assert again.returncode == 1
    assert "--name" in again.stdout


def test_studies_that_cannot_be_written_are_said_to_be_so(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "data.csv").write_text("\n".join(make_rows()))
    done = run("init", str(tmp_path / "data.csv"), settings=settings, STUDIES_DIR="/sys")
    assert done.returncode == 2
    assert done.stderr.startswith("/sys: the study cannot be written: ")
    assert "`make study CSV=...` writes them" in done.stderr


def test_faults_are_printed_as_json_on_request(folder: StudyFolder, settings: Settings) -> None:
    folder.set_cell(5, "sales", "x")
    folder.write()
    done = run("check", "--json", settings=settings)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    (fault,) = found["faults"]
    assert (fault["kind"], fault["line"], fault["column"]) == ("not_a_number", 5, "sales")
    assert found["warnings"] == []


def test_warnings_are_printed_as_json_beside_the_faults_of_other_studies(
    folder: StudyFolder, settings: Settings
) -> None:
    folder.rows = make_rows(6, 4)
    folder.write()
    spoiled = StudyFolder(settings.studies_dir / "spoiled")
    spoiled.set_cell(5, "sales", "x")
    spoiled.write()
    done = run("check", "--json", settings=settings)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert [fault["file"] for fault in found["faults"]] == ["spoiled/data.csv"]
    (warning,) = found["warnings"]
    assert warning["study"] == "small"
    assert warning["text"].startswith("There are 4 years")
    alone = run("check", "--json", "small", settings=settings)
    assert (alone.returncode, json.loads(alone.stdout)["faults"]) == (0, [])


def test_the_first_of_many_faults_are_printed_and_the_others_counted(
    folder: StudyFolder, settings: Settings
) -> None:
    for line in range(2, 40):
        folder.set_cell(line, "sales", "x")
    folder.write()
    lines = run("check", settings=settings).stdout.splitlines()
    assert len(lines) == 6
    assert lines[-1] == "small/data.csv: sales: 33 more of the kind not_a_number"
