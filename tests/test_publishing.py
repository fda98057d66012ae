"""From files to pages while readers look: progress, publication, faults, and what stays served meanwhile."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from browser import Complaints, chromium
from probes import Session, eventually, get, visit
from stack import Stack, running

FIT_SECONDS = 120
STUDY = "smoking-spending"
OTHER = "cigarette-sales"


@pytest.fixture(scope="module")
def changing() -> Iterator[Stack]:
    """A stack whose studies these tests change, in their order."""
    with running(Stack("longitude-test-publishing")) as stack:
        yield stack


def test_page_shows_the_first_fit_and_turns_into_the_dashboard_by_itself(changing: Stack) -> None:
    page = visit(changing, f"study={STUDY}")
    with Session(page) as session:
        assert session.words["view"] in {"progress", "dashboard"}
        session.connection.settimeout(FIT_SECONDS)
        assert session.follow(lambda words: words["view"] == "dashboard")["version"]


def test_both_studies_are_published_and_readers_can_choose(changing: Stack) -> None:
    eventually(
        lambda: all(changing.published(name) for name in (STUDY, OTHER)), FIT_SECONDS, "both published"
    )
    with Session(visit(changing, f"study={STUDY}")) as session:
        assert [name for name, _ in get(changing, "/studies.json").json()] == sorted([STUDY, OTHER])
        assert session.change("study", OTHER)["query"].startswith(f"study={OTHER}")


def edit_csv(stack: Stack, pattern: str, replacement: str) -> str:
    """Replace the first match in the study's CSV, by a rename as editors do; give the text before."""
    path = stack.studies / STUDY / f"{STUDY}.csv"
    before = path.read_text()
    after, count = re.subn(pattern, replacement, before, count=1, flags=re.MULTILINE)
    assert count == 1
    temporary = path.with_suffix(".tmp")
    temporary.write_text(after)
    temporary.replace(path)
    return before


def test_open_page_keeps_its_version_is_told_of_a_newer_one_and_switches_with_a_click(
    changing: Stack,
) -> None:
    first = changing.published(STUDY)
    assert first
    with chromium(changing.ca) as browser:
        tab, complaints = browser.new_page(), Complaints()
        complaints.watch(tab)
        tab.goto(f"{changing.url}/?study={STUDY}&unit=CA")
        expect(tab.locator("#version")).to_have_text(first["version"], timeout=30_000)
        mean = tab.locator("#effect-unit-mean").get_attribute("value")
        touch = changing.studies / STUDY / "study.toml"
        touch.write_text(touch.read_text() + "\n# fitted again\n")
        newer = eventually(
            lambda: (now := changing.published(STUDY)) and now["version"] != first["version"] and now,
            FIT_SECONDS,
            "a newer version",
        )
        assert newer["previous"] == first["version"]
        expect(tab.locator("#newer")).to_be_visible(timeout=10_000)
        expect(tab.locator("#newer")).to_contain_text(newer["version"])
        assert tab.locator("#version").text_content() == first["version"]
        assert tab.locator("#effect-unit-mean").get_attribute("value") == mean
        tab.locator("#slot-switch button").click()
        expect(tab.locator("#version")).to_have_text(newer["version"])
        expect(tab.locator("#newer")).to_be_hidden()
        assert complaints.lines == []


def test_rolled_back_version_is_served_and_stays(changing: Stack) -> None:
    current = changing.published(STUDY)
    assert current
    changing.in_worker("rollback", STUDY)
    now = changing.published(STUDY)
    assert now
    assert now["version"] == current["previous"]
    eventually(lambda: f">{current['previous']}<" in visit(changing, f"study={STUDY}").html, 10)
    listing = changing.in_worker("list").stdout
    assert current["version"] in listing
    assert current["previous"] in listing


def test_broken_study_says_what_is_wrong_and_what_was_published_stays_served(changing: Stack) -> None:
    served = changing.published(STUDY)
    good = edit_csv(changing, r"^(AL,Alabama,2006,)[^,]*", r"\1lots")
    path = changing.studies / STUDY / f"{STUDY}.csv"
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "lots" in text)
    told = f"{STUDY}.csv, line {line}"

    def says_so() -> bool:
        html = visit(changing, f"study={STUDY}").html
        return "lots" in html and str(line) in html and "effect-unit-mean-value" in html

    eventually(says_so, 30, "the page names the fault beside the dashboard")
    assert changing.published(STUDY) == served
    log = eventually(lambda: [row for row in changing.logs("model-worker").splitlines() if "lots" in row], 10)
    assert re.search(rf"{STUDY}\.csv\D*{line}\D", log[0]), (told, log[0])
    check = changing.in_worker("check", check=False)
    assert check.returncode == 1
    assert "lots" in check.stdout
    assert "Traceback" not in check.stdout
    assert 'data-view="dashboard"' in visit(changing, f"study={OTHER}").html
    path.write_text(good)
    eventually(lambda: "lots" not in visit(changing, f"study={STUDY}").html, 60, "the fault is gone")


@pytest.mark.parametrize(
    ("name", "toml", "told"),
    [
        ("broken-toml", 'title = "Broken\n', "study.toml"),
        ("no-file", None, "nowhere.csv"),
        ("wrong-column", None, "no_such_column"),
    ],
)
def test_new_study_that_cannot_be_read_is_listed_with_its_faults_and_disturbs_no_other(
    changing: Stack, name: str, toml: str | None, told: str
) -> None:
    folder = changing.studies / name
    text = (changing.studies / STUDY / "study.toml").read_text()
    if name == "no-file":
        text = text.replace(f"{STUDY}.csv", "nowhere.csv")
    elif name == "wrong-column":
        text = text.replace('"total_musd"', '"no_such_column"').replace(f"{STUDY}.csv", "data.csv")
    folder.mkdir()
    if name == "wrong-column":
        (folder / "data.csv").write_bytes((changing.studies / STUDY / f"{STUDY}.csv").read_bytes())
    (folder / "study.toml").write_text(toml or text)
    html = eventually(
        lambda: (page := visit(changing, f"study={name}").html) and told in page and page,
        30,
        "the fault on its page",
    )
    assert 'id="problem"' in html
    assert changing.published(name) is None
    with Session(visit(changing, f"study={OTHER}")) as session:
        assert session.words["view"] == "dashboard"


def test_study_without_its_folder_is_withdrawn_and_comes_back_with_it(changing: Stack) -> None:
    served = changing.published(OTHER)
    folder, aside = changing.studies / OTHER, changing.directory / "aside"
    with Session(visit(changing, f"study={OTHER}")) as session:
        folder.rename(aside)
        assert session.follow(lambda words: words["view"] == "problem")["title"]
        eventually(lambda: get(changing, f"/?study={OTHER}").status_code == 404, 30, "withdrawn")
        assert f"There is no study “{OTHER}” here" in get(changing, f"/?study={OTHER}").text
        assert OTHER not in get(changing, "/studies").text
        assert OTHER not in get(changing, "/studies.json").text
        assert get(changing, f"/data/effect-all.csv?study={OTHER}").status_code == 404
        aside.rename(folder)
        assert session.follow(lambda words: words["view"] == "dashboard")["study"] == OTHER
    assert changing.published(OTHER) == served, "nothing was fitted again"


def test_study_withdrawn_by_hand_stays_so_until_it_is_restored(changing: Stack) -> None:
    changing.in_worker("withdraw", OTHER)
    eventually(lambda: get(changing, f"/?study={OTHER}").status_code == 404, 30, "withdrawn")
    assert "withdrawn" in changing.in_worker("list").stdout
    (changing.studies / OTHER / "study.toml").touch()
    told = changing.in_worker("fit", OTHER, check=False)
    assert "restore" in told.stdout
    assert get(changing, f"/?study={OTHER}").status_code == 404
    changing.in_worker("restore", OTHER)
    eventually(lambda: get(changing, f"/?study={OTHER}").status_code == 200, 30, "restored")
